"""The states of executions, waves and servers."""

from __future__ import annotations

from enum import StrEnum


class ExecutionStatus(StrEnum):
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    COMPLETED_WITH_FAILURES = "COMPLETED_WITH_FAILURES"
    FAILED = "FAILED"
    BLOCKED = "BLOCKED"
    CANCELLED = "CANCELLED"

    @property
    def is_final(self) -> bool:
        return self is not ExecutionStatus.RUNNING


class WaveStatus(StrEnum):
    PLANNED = "PLANNED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    COMPLETED_WITH_FAILURES = "COMPLETED_WITH_FAILURES"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"

    @property
    def is_final(self) -> bool:
        return self not in (WaveStatus.PLANNED, WaveStatus.RUNNING)


class ServerStatus(StrEnum):
    """Where one server stands. Those from RECOVERED on are outcomes and final once written."""

    DISCOVERED = "DISCOVERED"
    MATCHED = "MATCHED"
    READY = "READY"
    REVERSING = "REVERSING"  # failback: asked for, or to be asked again when the agent has checked in
    REPLICATING = "REPLICATING"
    REPLICATED = "REPLICATED"  # the origin has a copy that is new enough for a cutover
    CONFIGURED = "CONFIGURED"
    LAUNCHING = "LAUNCHING"
    LAUNCH_FAILED = "LAUNCH_FAILED"  # may be tried again
    LAUNCHED = "LAUNCHED"
    STARTING = "STARTING"
    RECOVERED = "RECOVERED"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"
    BLOCKED = "BLOCKED"
    LEFT_OUT = "LEFT_OUT"  # it takes part by its tags, and no wave selects it
    RETURNED = "RETURNED"  # recovered, and put back as it was before: in reports, by its clean-up

    @property
    def is_final(self) -> bool:
        return self in _FINAL_SERVER_STATUSES


_FINAL_SERVER_STATUSES = frozenset(
    {
        ServerStatus.RECOVERED,
        ServerStatus.FAILED,
        ServerStatus.SKIPPED,
        ServerStatus.BLOCKED,
        ServerStatus.LEFT_OUT,
        ServerStatus.RETURNED,
    }
)


class Protection(StrEnum):
    """How far a server that failed back is on its way to being protected as before."""

    RETURNING = "RETURNING"  # asked for, or to be asked again when the agent has checked in
    RESCANNING = "RESCANNING"
    PROTECTED = "PROTECTED"
    RETIRED = "RETIRED"  # and the recovery side is as before the disaster
    UNPROTECTED = "UNPROTECTED"  # it could not be; the workload runs at the origin all the same

    @property
    def is_final(self) -> bool:
        return self in (Protection.RETIRED, Protection.UNPROTECTED)


class Adoption(StrEnum):
    """What an earlier execution that ended too early has done for a server already."""

    JOB = "JOB"  # its DRS job runs
    LAUNCH = "LAUNCH"  # it was launched into its pair


class PausePoint(StrEnum):
    """When a pause takes effect."""

    NOW = "NOW"  # no new job, no start
    NEXT_WAVE = "NEXT_WAVE"  # waves that have begun go on
    BEFORE_WAVE = "BEFORE_WAVE"  # only one wave is paused


class Turn(StrEnum):
    """Which half of a wave waits for its turn."""

    LAUNCH = "LAUNCH"
    START = "START"


NOT_RECOVERED = frozenset({ServerStatus.FAILED, ServerStatus.SKIPPED})
