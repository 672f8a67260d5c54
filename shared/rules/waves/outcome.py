"""What the policies make of results: of a wave, of an execution, of a blocked or failed server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from shared.model.execution import WaveRecord
from shared.model.policies import FailurePolicy, Mode, OnBlocked, Policies
from shared.model.server import ServerProgress, ServerRecord
from shared.model.status import ExecutionStatus, Protection, ServerStatus, WaveStatus


class Readiness(StrEnum):
    READY = "READY"
    WAIT = "WAIT"
    SKIP = "SKIP"


@dataclass(frozen=True, slots=True)
class DependencyVerdict:
    """``reason`` is given for SKIP and WAIT."""

    readiness: Readiness
    reason: str | None = None


class BlockedDecision(StrEnum):
    PROCEED = "PROCEED"
    BLOCKED = "BLOCKED"
    NOTHING_TO_DO = "NOTHING_TO_DO"


def wave_outcome(policy: FailurePolicy, servers: Sequence[ServerRecord]) -> WaveStatus:
    """The status of a wave with these servers.

    FAILED as soon as more servers failed than the policy tolerates, RUNNING while others are under way.
    Blocked servers do not count as failed: going on without them was decided before the launch, and when
    a plan is started again they are those that run on the recovery side already.
    """
    count = Counter(server.status for server in servers)
    failed, recovered = count[ServerStatus.FAILED], count[ServerStatus.RECOVERED]
    if not _tolerated(policy, failed, len(servers) - count[ServerStatus.BLOCKED]):
        return WaveStatus.FAILED
    if any(not status.is_final for status in count):
        return WaveStatus.RUNNING
    if recovered == len(servers):
        return WaveStatus.COMPLETED
    if recovered + failed == 0 and count[ServerStatus.SKIPPED]:
        return WaveStatus.SKIPPED
    return WaveStatus.COMPLETED_WITH_FAILURES


def _tolerated(policy: FailurePolicy, failed: int, servers: int) -> bool:
    if policy.action == "CONTINUE" or failed == 0:
        return True
    if policy.tolerate_count is not None:
        return failed <= policy.tolerate_count
    if policy.tolerate_percent is not None:
        return failed * 100 <= policy.tolerate_percent * servers
    return False


def dependency_verdict(wave: WaveRecord, waves: Sequence[WaveRecord]) -> DependencyVerdict:
    """Whether the waves that ``wave`` depends on let it go on. A FAILED or SKIPPED one skips it.

    Not one that an operator had skipped for the others to continue without it. Order is transitive: a wave
    with nothing to do ends before those that it depends on, and stands for them.
    """
    needed = _all_before(wave, {other.name: other for other in waves})
    stopped = [
        f"{other.name} is {other.status}"
        for other in needed
        if other.status in (WaveStatus.FAILED, WaveStatus.SKIPPED) and not other.dependents_continue
    ]
    if stopped:
        return DependencyVerdict(
            Readiness.SKIP, f"It depends on a wave that did not succeed: {_and(stopped)}."
        )
    awaited = [other.name for other in needed if not other.status.is_final]
    if awaited:
        return DependencyVerdict(Readiness.WAIT, f"It waits for {_and(awaited)}.")
    return DependencyVerdict(Readiness.READY)


def _all_before(wave: WaveRecord, waves: Mapping[str, WaveRecord]) -> list[WaveRecord]:
    """The waves that ``wave`` depends on, directly first, and those that these depend on."""
    found: dict[str, WaveRecord] = {}
    names = list(wave.depends_on)
    for name in names:
        if name not in found:
            found[name] = waves[name]
            names += waves[name].depends_on
    return list(found.values())


def execution_outcome(
    waves: Sequence[WaveRecord],
    servers: Sequence[ServerRecord],
    *,
    mode: Mode = Mode.FAILOVER,
    dry_run: bool = False,
    cancelled: bool = False,
    blocked: bool = False,
    sites_left: bool = False,
) -> ExecutionStatus:
    """The status of an execution. FAILED when a wave failed or was skipped, or no server recovered.

    A wave that an operator had skipped makes it COMPLETED_WITH_FAILURES.

    ``blocked``: the execution was stopped before the launch. A dry run that was not is COMPLETED. A failback
    is COMPLETED only when every server is at the origin, protected and its recovery side retired, and FAILED
    only when none failed back; a drill only when every clean-up went well. A server that takes part and that
    no wave has is LEFT_OUT: then not everything is recovered.
    """
    if cancelled:
        return ExecutionStatus.CANCELLED
    if blocked:
        return ExecutionStatus.BLOCKED
    if dry_run:
        return ExecutionStatus.COMPLETED_WITH_FAILURES if sites_left else ExecutionStatus.COMPLETED
    if any(not wave.status.is_final for wave in waves):
        return ExecutionStatus.RUNNING
    recovered = sum(server.status is ServerStatus.RECOVERED for server in servers)
    stopped_short = any(
        wave.status is WaveStatus.FAILED or (wave.status is WaveStatus.SKIPPED and wave.skip is None)
        for wave in waves
    )
    if not recovered or (stopped_short and mode is not Mode.FAILBACK):
        return ExecutionStatus.FAILED
    if not stopped_short and not sites_left and all(_is_done(server, mode) for server in servers):
        return ExecutionStatus.COMPLETED
    return ExecutionStatus.COMPLETED_WITH_FAILURES


def _is_done(server: ServerRecord, mode: Mode) -> bool:
    if mode is Mode.FAILBACK and server.failback.protection is not Protection.RETIRED:
        return False
    if mode is Mode.DRILL and server.drill.clean_up_issue is not None:
        return False
    return server.status is ServerStatus.RECOVERED


def blocked_decision(
    policies: Policies, servers: Sequence[ServerRecord], *, sites: int = 0
) -> BlockedDecision:
    """Whether to go on after the checks, as they left the servers. ``sites``: how many cannot be read."""
    blocked = sum(server.status is ServerStatus.BLOCKED for server in servers)
    if (blocked or sites) and policies.on_blocked is OnBlocked.STOP:
        return BlockedDecision.BLOCKED
    if blocked == sum(server.status is not ServerStatus.LEFT_OUT for server in servers):
        return BlockedDecision.NOTHING_TO_DO
    return BlockedDecision.PROCEED


def retryable(server: ServerRecord | ServerProgress, policies: Policies) -> bool:
    """Whether a server whose launch failed is to be launched again. ``attempts`` counts those made."""
    return server.status is ServerStatus.LAUNCH_FAILED and server.attempts <= policies.retries


def _and(words: Sequence[str]) -> str:
    return " and ".join(words)
