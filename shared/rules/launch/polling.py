"""How long to wait before the next poll: rarely while nothing can have happened, often near the end.

Looks cost state transitions, history events and calls; being late costs recovery time. The expected times
are those of ``shared.rules.waves.recovery_estimate``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from shared.model.server import ServerRecord
from shared.rules.waves.recovery_estimate import CONVERSION_SECONDS, LAUNCH_SECONDS, SNAPSHOT_SECONDS
from shared.times import parse_time

FIRST_LAUNCH = 0.5 * (SNAPSHOT_SECONDS + CONVERSION_SECONDS["linux"][0] + LAUNCH_SECONDS["linux"][0])
"""No server is launched before this time of its job, as far as is known."""
LONG_JOB = 3600.0
FIRST_BOOT = 45.0
LONG_BOOT, VERY_LONG_BOOT = 600.0, 1800.0
HOPELESS_BOOT = 7200.0
SHORTEST_STEP, LONGEST_STEP = 15, 120
LONGEST_POLL = 600
FEW = 10
"""Until no more are left than that, the last of them is not yet near: only it ends the wave."""
MANY = 200
"""From this number of instances on, one poll is a dozen calls."""


def launch_wait(age_seconds: float) -> int:
    """Seconds until the next poll of jobs, the oldest of which began ``age_seconds`` ago, unless resumed.

    DRS reports a job's last server by event, so that a step is what the others may wait, and not the wave.
    """
    if age_seconds < FIRST_LAUNCH:
        return max(10, round(FIRST_LAUNCH - age_seconds))
    return 30 if age_seconds < LONG_JOB else 60


def boot_wait(age_seconds: float, instances: int) -> int:
    """Seconds until the next poll of ``instances`` that were started ``age_seconds`` ago."""
    if age_seconds < FIRST_BOOT:
        return max(5, round(FIRST_BOOT - age_seconds))
    if age_seconds < LONG_BOOT:
        return 5 if instances <= FEW else 10 if instances < MANY else 20
    if age_seconds < HOPELESS_BOOT:
        return 15 if age_seconds < VERY_LONG_BOOT else 30
    return 60


ROUND = timedelta(seconds=8)
"""Waves poll on their own; the first of several polls asks DRS for all jobs of the scope."""
FINISHING_STEP = 3
"""All servers of a job are through: it ends in two or three seconds (observed)."""
FAR = 120
PAUSED = 900


def slot_wait(oldest_job_age_seconds: float | None, *, first: bool, finishing: bool) -> int:
    """Seconds until the next poll for slots in a scope, unless resumed; None: no job of the scope is known.

    ``first``: this batch is the next to be served; the others are resumed by the batch before them.
    ``finishing``: all servers of some job are through, and the job is not.
    """
    if not first:
        return FAR
    if finishing:
        return FINISHING_STEP
    if oldest_job_age_seconds is None:
        return 10
    # The event of a job's end resumes the first.
    return min(60, launch_wait(oldest_job_age_seconds))


def step_wait(since: Iterable[str | None], now: datetime) -> int:
    """Seconds until the next poll of steps that were asked for at these times (ISO 8601).

    A tenth of the time that the last of them has waited: soon at first, less often the longer it takes.
    """
    waited = [(now - parse_time(start)).total_seconds() for start in since if start]
    return int(min(LONGEST_STEP, max(SHORTEST_STEP, min(waited, default=0) / 10)))


def jobs_wait(created_at: Iterable[str], now: datetime, *, finishing: bool) -> int:
    """Seconds until the next poll of a wave's jobs, which began at these times (ISO 8601)."""
    if finishing:
        return FINISHING_STEP
    begun = [parse_time(start) for start in created_at]
    return launch_wait((now - min(begun)).total_seconds() if begun else 0.0)


def started_wait(start_requested_at: Iterable[str | None], now: datetime, instances: int) -> int:
    """Seconds until the next poll of ``instances``; the last of them was started last of these times."""
    asked = [parse_time(start) for start in start_requested_at]
    return boot_wait((now - max(asked)).total_seconds() if asked else 0.0, instances)


def verification_wait(pending: Sequence[ServerRecord], now: datetime) -> int:
    """Seconds until the next poll of what starts; until the next start where EC2 had no capacity."""
    to_start = [server.start_refused_at for server in pending if server.awaits_capacity]
    if to_start:
        return step_wait(to_start, now)
    return started_wait((server.start_requested_at for server in pending), now, len(pending))


def long_wait(seconds: int, since: Iterable[str | None], now: datetime) -> int:
    """``seconds``, but at least a fiftieth of the time since the first of ``since``, up to ten minutes.

    A poll adds nine events to the history of an execution, which ends at 25,000 (Step Functions quotas): a
    wait of a week stays below that. Times are ISO 8601.
    """
    begun = [parse_time(start) for start in since if start]
    waited = (now - min(begun)).total_seconds() if begun else 0.0
    return max(seconds, min(LONGEST_POLL, int(waited / 50)))


def since_start(asked: Iterable[str | None], started_at: str) -> list[str]:
    """The times of ``asked`` that an execution has waited from: its own, or its start where it has none."""
    return [at for at in asked if at and at >= started_at] or [started_at]
