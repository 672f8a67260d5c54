"""Modes and policies: what a plan or a request decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Mode(StrEnum):
    FAILOVER = "FAILOVER"
    DRILL = "DRILL"
    FAILBACK = "FAILBACK"

    @property
    def launches_into(self) -> str:
        """What its servers are launched into, in the words that operators read."""
        return "original instance" if self is Mode.FAILBACK else "target instance"


class LaunchOrder(StrEnum):
    TOGETHER = "TOGETHER"
    BY_WAVE = "BY_WAVE"


class RecoveryMode(StrEnum):
    OPTIMAL = "OPTIMAL"
    FAST = "FAST"


class OnBlocked(StrEnum):
    STOP = "STOP"
    CONTINUE = "CONTINUE"


class WhenTargetRuns(StrEnum):
    BLOCK = "BLOCK"
    STOP = "STOP"


class StopWorkload(StrEnum):
    """When a failback stops the instance that runs the workload on the recovery side."""

    BEFORE_LAUNCH = "BEFORE_LAUNCH"
    """Nothing is written there any more when DRS takes its last snapshot."""
    BEFORE_START = "BEFORE_START"
    """A shorter outage; what is written after the snapshot is lost, unless the workload is quiesced."""


class OnReplicationTimeout(StrEnum):
    """What becomes of servers whose reverse replication is not done at the deadline."""

    WAIT = "WAIT"
    SKIP = "SKIP"
    STOP = "STOP"


class RecoveryInstanceDisposition(StrEnum):
    RETAIN_STOPPED = "RETAIN_STOPPED"
    TERMINATE = "TERMINATE"


class DrillVolumes(StrEnum):
    RESTORE = "RESTORE"
    KEEP = "KEEP"


class Approval(StrEnum):
    REQUIRED = "REQUIRED"
    NOT_REQUIRED = "NOT_REQUIRED"


@dataclass(frozen=True, slots=True)
class FailurePolicy:
    """What a wave does about failed servers: STOP at the first, CONTINUE whatever, or tolerate some.

    ``tolerate_count`` and ``tolerate_percent`` are set only for TOLERATE; one of them is not None.
    """

    action: str  # "STOP", "CONTINUE" or "TOLERATE"
    tolerate_count: int | None = None
    tolerate_percent: float | None = None


@dataclass(frozen=True, slots=True)
class QuiesceAction:
    """An SSM command that stops the workload before the cutover; run on its instances."""

    document: str
    parameters: dict[str, tuple[str, ...]] = field(default_factory=dict)
    timeout_seconds: int = 600


@dataclass(frozen=True, slots=True)
class FailbackPolicies:
    """How a failback behaves. ``launch_order`` None: as the plan's."""

    launch_order: LaunchOrder | None = None
    approval: Approval = Approval.NOT_REQUIRED  # of the cutover
    max_lag_seconds: int = 60
    replication_deadline_seconds: int = 86_400
    on_replication_timeout: OnReplicationTimeout = OnReplicationTimeout.WAIT
    stop_workload: StopWorkload = StopWorkload.BEFORE_LAUNCH
    quiesce: tuple[QuiesceAction, ...] = ()
    when_original_runs: WhenTargetRuns | None = None  # None: STOP one that ran before our failover
    tag_originals: bool = False
    snapshot_before_removal: bool = True
    recovery_instance_disposition: RecoveryInstanceDisposition = RecoveryInstanceDisposition.RETAIN_STOPPED
    reprotect_deadline_seconds: int = 86_400


@dataclass(frozen=True, slots=True)
class DrillPolicies:
    """What a drill leaves behind. ``volumes`` RESTORE: the targets get back those they had before."""

    volumes: DrillVolumes = DrillVolumes.RESTORE


@dataclass(frozen=True, slots=True)
class Policies:
    launch_order: LaunchOrder = LaunchOrder.TOGETHER
    on_blocked: OnBlocked = OnBlocked.STOP
    recovery_mode: RecoveryMode = RecoveryMode.OPTIMAL
    when_target_runs: WhenTargetRuns = WhenTargetRuns.BLOCK
    approval: Approval | None = None  # None: as the way it was started demands
    approvers: int = 1
    retries: int = 1
    max_lag_seconds: int = 3600
    launch_timeout_seconds: int = 7200
    verify_timeout_seconds: int = 1800
    prepare_when_stored: bool = False
    failback: FailbackPolicies = FailbackPolicies()
    drill: DrillPolicies = DrillPolicies()
