"""What the policies make of results: of a wave, of an execution, of a blocked or failed server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from shared.model import ExecutionStatus, FailurePolicy, Policies, ServerRecord, WaveRecord, WaveStatus


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
    Blocked servers do not count as failed: that they are left behind was decided before the launch.
    """
    raise NotImplementedError


def dependency_verdict(wave: WaveRecord, waves: Sequence[WaveRecord]) -> DependencyVerdict:
    """Whether the waves that ``wave`` depends on let it go on. A FAILED or SKIPPED one skips it."""
    raise NotImplementedError


def execution_outcome(
    waves: Sequence[WaveRecord],
    servers: Sequence[ServerRecord],
    *,
    dry_run: bool = False,
    cancelled: bool = False,
    blocked: bool = False,
) -> ExecutionStatus:
    """The status of an execution. FAILED when a wave failed or was skipped, or nobody recovered."""
    raise NotImplementedError


def blocked_decision(policies: Policies, servers: Sequence[ServerRecord]) -> BlockedDecision:
    """Whether to go on after the checks, given the servers as the checks left them."""
    raise NotImplementedError


def retryable(server: ServerRecord, policies: Policies) -> bool:
    """Whether a server whose launch failed is to be launched again. ``attempts`` counts those made."""
    raise NotImplementedError
