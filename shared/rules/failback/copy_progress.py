"""What of a replication is left: bytes, time, and how its state reads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from shared.model.drs import SourceServer

SHORTEST_WAIT, LONGEST_WAIT = 15, 300
"""Seconds between two polls: a tenth of the time that is left, within these bounds."""
UNKNOWN_WAIT = 30
STUCK_STATES = ("STALLED", "STOPPED", "PAUSED")


def state_text(source: SourceServer) -> str:
    if source.replication_state in STUCK_STATES:
        return f"{source.replication_state} ({source.stalled_reason or 'DRS gives no error'})"
    if source.replication_state == "CONTINUOUS":
        lag = "an unknown lag" if source.lag_seconds is None else f"a lag of {source.lag_seconds:.0f} s"
        return f"CONTINUOUS with {lag}"
    return source.replication_state


def seconds_at_rate(done: int, left: int, since: datetime | None, now: datetime) -> float | None:
    if left == 0:
        return 0.0
    if since is None or done <= 0 or now <= since:
        return None
    return left * (now - since).total_seconds() / done


def longest(lefts: Sequence[float | None]) -> int | None:
    known = [left for left in lefts if left is not None]
    if lefts and not known:
        return None
    return round(max(known, default=0.0))


def poll_wait(seconds_left: int | None) -> int:
    if seconds_left is None:
        return UNKNOWN_WAIT
    return max(SHORTEST_WAIT, min(LONGEST_WAIT, seconds_left // 10))


def time_of(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
