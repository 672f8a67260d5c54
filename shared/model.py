"""The words of the product as types: frozen dataclasses and enums, no behaviour beyond their own shape.

Everything here is a value. Rules take these values and return others; gateways make them out of AWS
responses; handlers turn them into DynamoDB items and state data at the border.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

TARGET_TAG_KEY = "AWSDRS"
TARGET_TAG_VALUE = "AllowLaunchingIntoThisInstance"
"""The tag that lets DRS launch into an instance (DRS user guide, launch-general-settings)."""


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
    GO_ON = "GO_ON"


class WhenTargetRuns(StrEnum):
    BLOCK = "BLOCK"
    STOP = "STOP"


class StopWorkload(StrEnum):
    """When a failback stops the instance that runs the workload on the recovery side."""

    BEFORE_LAUNCH = "BEFORE_LAUNCH"
    """Nothing is written there any more when DRS takes its last snapshot."""
    BEFORE_START = "BEFORE_START"
    """A shorter outage; what is written after the snapshot is lost, unless the workload is quiesced."""


class Laggards(StrEnum):
    """What becomes of servers whose reverse replication is not done at the deadline."""

    WAIT = "WAIT"
    LEAVE_BEHIND = "LEAVE_BEHIND"
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
    """Where one server stands. The last four are outcomes and final once written."""

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

    @property
    def is_final(self) -> bool:
        return self in _FINAL_SERVER_STATUSES


_FINAL_SERVER_STATUSES = frozenset(
    {ServerStatus.RECOVERED, ServerStatus.FAILED, ServerStatus.SKIPPED, ServerStatus.BLOCKED}
)


class Protection(StrEnum):
    """How far a server that was brought home is on its way to being protected as before."""

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


class Pause(StrEnum):
    """When a pause takes hold."""

    NOW = "NOW"  # no new job, no start
    NEXT_WAVE = "NEXT_WAVE"  # waves that have begun go on
    BEFORE_WAVE = "BEFORE_WAVE"  # only one wave is held


class Turn(StrEnum):
    """Which half of a wave waits for its turn."""

    LAUNCH = "LAUNCH"
    START = "START"


class Severity(StrEnum):
    CRITICAL = "CRITICAL"
    """Blocks the server."""
    OVERRIDABLE = "OVERRIDABLE"
    """Blocks the server unless the request overrides the check with a reason."""
    WARNING = "WARNING"
    """Reported; the server goes on."""


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """One account in one Region: the unit of every DRS call and quota."""

    account: str
    region: str

    def __str__(self) -> str:
        return f"{self.account}/{self.region}"

    @classmethod
    def parse(cls, text: str) -> Scope:
        """The inverse of ``str(scope)``: ``"111122223333/us-east-1"``."""
        account, region = text.split("/")
        return cls(account, region)


@dataclass(frozen=True, slots=True)
class Site:
    """An origin scope with the recovery scope that protects it."""

    name: str
    origin: Scope
    recovery: Scope


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of a prerequisite check or of a match: what was found and what to do about it."""

    code: str
    severity: Severity
    found: str
    remedy: str


# --- what AWS says ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Volume:
    """A disk of a source server or an EBS volume of an instance. ``size`` in bytes."""

    device: str
    size: int
    volume_id: str | None = None


@dataclass(frozen=True, slots=True)
class ReplicationProgress:
    """``dataReplicationInfo`` of a source server, its disks added up. Bytes; ``eta`` ISO 8601 or None."""

    total_bytes: int
    replicated_bytes: int
    backlog_bytes: int
    rescanned_bytes: int
    every_disk_rescanned: bool
    eta: str | None = None


@dataclass(frozen=True, slots=True)
class SourceServer:
    """A DRS source server, in the words of DescribeSourceServers.

    ``name`` is its Name tag, else its hostname. ``lag_seconds`` is None where DRS gives none.
    ``architecture`` and ``boot_mode`` are None where DRS and the original instance both are silent.
    """

    source_server_id: str
    arn: str
    name: str
    scope: Scope
    site: str
    hostname: str | None
    original_instance_id: str | None
    origin_account: str | None
    origin_region: str | None
    platform: str  # "linux" or "windows", from sourceProperties.os.fullString
    replication_state: str
    lag_seconds: float | None
    agent_version: str | None
    architecture: str | None = None
    boot_mode: str | None = None
    staging_account: str | None = None
    recovery_instance_id: str | None = None
    last_launch_status: str | None = None
    replication_direction: str = "FAILOVER"
    stalled_reason: str | None = None
    disks: tuple[Volume, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    progress: ReplicationProgress | None = None


@dataclass(frozen=True, slots=True)
class Instance:
    """An EC2 instance in the words of DescribeInstances: a target, or an original.

    ``state`` as EC2 says it ("stopped"); ``boot_mode`` "legacy-bios" or "uefi" as currentInstanceBootMode;
    ``platform`` "linux" or "windows". ``metadata_endpoint`` ("enabled") and ``metadata_tokens`` ("required")
    as MetadataOptions words them.
    """

    instance_id: str
    name: str
    scope: Scope
    state: str
    private_ip: str | None
    instance_type: str
    platform: str
    architecture: str
    boot_mode: str | None
    root_device_type: str
    virtualization: str
    availability_zone: str
    subnet_id: str | None
    vpc_id: str | None
    security_group_ids: tuple[str, ...]
    instance_profile_arn: str | None
    tenancy: str = "default"
    lifecycle: str | None = None  # "spot" or None
    volumes: tuple[Volume, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    public_ip: str | None = None
    metadata_endpoint: str | None = None
    metadata_tokens: str | None = None

    @property
    def allows_launching_into(self) -> bool:
        return self.tags.get(TARGET_TAG_KEY) == TARGET_TAG_VALUE


@dataclass(frozen=True, slots=True)
class LaunchSettings:
    """The part of a DRS launch configuration that launching into an instance touches."""

    copy_private_ip: bool
    copy_tags: bool
    launch_disposition: str  # "STARTED" or "STOPPED"
    right_sizing: str  # "NONE", "BASIC" or "IN_AWS"
    launch_into_instance_id: str | None
    recovery_mode: str | None = None
    os_byol: bool = False


@dataclass(frozen=True, slots=True)
class LaunchedServer:
    """One participating server of a job. ``launch_status`` is None through snapshot and conversion."""

    source_server_id: str
    launch_status: str | None


@dataclass(frozen=True, slots=True)
class JobLogItem:
    event: str
    source_server_id: str | None
    raw_error: str | None
    at: str


@dataclass(frozen=True, slots=True)
class Job:
    """A DRS job in the words of DescribeJobs. ``status`` is PENDING, STARTED or COMPLETED, never FAILED."""

    job_id: str
    scope: Scope
    type: str
    status: str
    created_at: str
    ended_at: str | None
    servers: tuple[LaunchedServer, ...]
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecoveryInstance:
    recovery_instance_id: str
    ec2_instance_id: str
    ec2_state: str
    source_server_id: str
    job_id: str | None
    is_drill: bool
    replication_state: str | None = None
    """"NOT_STARTED" until ReverseReplication was called for it (observed in the field)."""
    failback_state: str | None = None


# --- what a plan says ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Selector:
    """Which source servers: by id, by name pattern (fnmatch, case-blind), or by tags (all must match).

    A server is selected when any of the three that are given selects it.
    """

    source_server_ids: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    protection_group: str | None = None


@dataclass(frozen=True, slots=True)
class FailurePolicy:
    """What a wave does about failed servers: STOP at the first, GO_ON whatever, or tolerate some.

    ``tolerate_count`` and ``tolerate_percent`` are set only for TOLERATE; one of them is not None.
    """

    action: str  # "STOP", "GO_ON" or "TOLERATE"
    tolerate_count: int | None = None
    tolerate_percent: float | None = None


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """A check of the plan that an instance must pass. ``{privateIp}`` and ``{name}`` are filled in.

    TCP: ``host`` (default the private IP) accepts a connection on ``port``.
    HTTP: GET ``url`` answers ``status`` (default 200). ``timeout_seconds`` is for one try.
    """

    type: str  # "TCP" or "HTTP"
    port: int | None = None
    host: str | None = None
    url: str | None = None
    status: int = 200
    timeout_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class PlannedWave:
    """A wave as the plan words it."""

    name: str
    selector: Selector
    depends_on: tuple[str, ...]
    on_failure: FailurePolicy
    health_checks: tuple[HealthCheck, ...] = ()


@dataclass(frozen=True, slots=True)
class ManualPair:
    """A pair that the plan fixes by hand; exactly one of the first two is set."""

    target_instance_id: str
    source_server_id: str | None = None
    source_server_name: str | None = None


@dataclass(frozen=True, slots=True)
class Matching:
    domain_suffixes: tuple[str, ...] = ()
    manual_pairs: tuple[ManualPair, ...] = ()
    spelling_tolerance: int = 0


@dataclass(frozen=True, slots=True)
class QuiesceAction:
    """An SSM command that brings the workload to rest before the cutover; run on its instances."""

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
    laggards: Laggards = Laggards.WAIT
    stop_workload: StopWorkload = StopWorkload.BEFORE_LAUNCH
    quiesce: tuple[QuiesceAction, ...] = ()
    when_original_runs: WhenTargetRuns = WhenTargetRuns.STOP
    tag_originals: bool = False
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
    retries: int = 1
    max_lag_seconds: int = 3600
    launch_timeout_seconds: int = 7200
    verify_timeout_seconds: int = 1800
    prepare_when_stored: bool = False
    failback: FailbackPolicies = FailbackPolicies()
    drill: DrillPolicies = DrillPolicies()


@dataclass(frozen=True, slots=True)
class Plan:
    name: str
    description: str
    sites: tuple[Site, ...]
    protection_groups: dict[str, Selector]
    waves: tuple[PlannedWave, ...]
    matching: Matching
    policies: Policies

    def wave(self, name: str) -> PlannedWave:
        return next(wave for wave in self.waves if wave.name == name)


# --- what an execution records ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DetachedVolume:
    """An EBS volume that a launch took from an instance and left behind, still billed."""

    volume_id: str
    instance_id: str
    device: str
    scope: Scope
    size_gib: int
    type: str
    detached_by: str  # execution id


@dataclass(frozen=True, slots=True)
class RemovedVolume:
    """A detached volume that is gone: deleted on request, or by somebody else."""

    volume_id: str
    removed_at: str


@dataclass(frozen=True, slots=True)
class ServerProgress:
    """How far a server's launch is: two fields of its ``ServerRecord``."""

    status: ServerStatus
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """Everything known of one server in one execution: one DynamoDB item.

    Times are ISO 8601 strings in UTC. ``scope`` is where it is launched and where the DRS calls for that
    go: the recovery scope, or in a failback the origin. ``lot`` numbers the job of its wave that it is to
    be launched in. ``previous_launch`` keeps the launch settings to restore, ``volumes_before`` the volumes
    of the pair's instance before the launch.

    In a failback ``source_server_id`` stays that of the server that protects the original; the reversed
    server (direction FAILBACK, in the origin scope) is launched in its place. ``workload_instance_id`` runs
    the workload on the recovery side, in ``workload_scope``, until the cutover.
    """

    source_server_id: str
    name: str
    scope: Scope
    site: str
    status: ServerStatus
    original_instance_id: str | None = None
    pair_instance_id: str | None = None
    paired_by: str | None = None  # "MANUAL" or "NAME"
    wave: str | None = None
    lot: int | None = None
    original_private_ip: str | None = None
    private_ip_before: str | None = None
    private_ip_after: str | None = None
    recovery_instance_id: str | None = None
    job_id: str | None = None
    attempts: int = 0
    reason: str | None = None
    remedy: str | None = None
    findings: tuple[Finding, ...] = ()
    previous_launch: LaunchSettings | None = None
    launch_changed: bool = False
    started_by_drs: bool = False
    stop_awaited_since: str | None = None
    launched_at: str | None = None
    start_requested_at: str | None = None
    verified_at: str | None = None
    volumes_before: tuple[Volume, ...] = ()
    detached_volumes: tuple[DetachedVolume, ...] = ()
    adoption: Adoption | None = None
    adopted_from: str | None = None  # execution id
    skip: str | None = None  # who had it skipped, and why
    pair_moved_by: str | None = None  # execution id: who had moved the pair last, before this execution
    # failback only
    workload_instance_id: str | None = None
    workload_scope: Scope | None = None
    workload_private_ip: str | None = None
    reversed_server_id: str | None = None
    reverse_requested_at: str | None = None
    replication_state: str | None = None
    bytes_total: int = 0
    bytes_replicated: int = 0
    stalled_since: str | None = None
    stall_reported: bool = False
    replicated_at: str | None = None
    quiesced_at: str | None = None
    workload_stop_requested_at: str | None = None
    workload_stopped_at: str | None = None
    workload_return_requested_at: str | None = None
    workload_returned_at: str | None = None
    protection: Protection | None = None
    protection_reason: str | None = None
    protection_remedy: str | None = None
    reprotect_requested_at: str | None = None
    protected_at: str | None = None
    retire_requested_at: str | None = None
    retired_at: str | None = None
    # drill only
    clean_up_began_at: str | None = None
    cleaned_up_at: str | None = None
    clean_up_trouble: str | None = None

    @property
    def drs_server_id(self) -> str:
        """The source server that is launched: the reversed one in a failback."""
        return self.reversed_server_id or self.source_server_id


@dataclass(frozen=True, slots=True)
class PairRecord:
    """What is known of a pair across executions: the way back, and what must stay the same.

    ``scope`` is that of the source server and ``pair_instance_id`` the target instance: the recovery side,
    whichever side runs the workload. ``detached_volumes`` are those that launches left behind, both sides.
    ``moved_by`` is the execution that brought the workload to its side; ``revision`` counts the writes.
    """

    source_server_id: str
    name: str
    scope: Scope
    pair_instance_id: str
    original_instance_id: str | None
    private_ip: str | None
    original_private_ip: str | None
    staging_account: str | None
    workload_side: str  # "ORIGIN" or "RECOVERY"
    last_failover: str | None = None
    last_failover_at: str | None = None
    original_scope: Scope | None = None
    last_failback: str | None = None
    last_failback_at: str | None = None
    detached_volumes: tuple[DetachedVolume, ...] = ()
    moved_by: str | None = None  # execution id
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Hold:
    """A pause that somebody asked for. ``wave`` is set for BEFORE_WAVE only; ``at`` is ISO 8601."""

    hold_id: str
    when: Pause
    by: str
    reason: str
    at: str
    wave: str | None = None


@dataclass(frozen=True, slots=True)
class Cancellation:
    """The end that somebody asked for. ``undo_recovered``: also what was verified goes back."""

    by: str
    reason: str
    at: str
    control_id: str = ""
    undo: bool = False
    undo_recovered: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """Somebody's answer to a request for approval; ``control_id`` is that of the message."""

    approved: bool
    by: str
    control_id: str


@dataclass(frozen=True, slots=True)
class ControlRecord:
    """A message to an execution: who said what, why and when, and what was answered.

    ``message`` and ``answer`` are documents.
    """

    control_id: str
    action: str
    by: str
    reason: str
    at: str
    message: dict[str, Any]
    answer: dict[str, Any]
    by_event: bool = False


@dataclass(frozen=True, slots=True)
class WaveRecord:
    """``priority``: seconds from the wave's launch to the end of all that depends on it, as estimated.

    ``token``: of the task that waits for the wave's turn; ``awaits``: to do what. ``start_began_at``: when it
    was let start its instances. ``skip``: who had the wave skipped, and why.
    """

    name: str
    depends_on: tuple[str, ...]
    status: WaveStatus
    lots: int = 0
    servers: int = 0
    started_at: str | None = None
    ended_at: str | None = None
    reason: str | None = None
    priority: float = 0.0
    token: str | None = None
    awaits: Turn | None = None
    start_began_at: str | None = None
    skip: str | None = None
    dependants_go_on: bool = False
    """Of a wave that somebody had skipped: whether those that depend on it go on without it."""


@dataclass(frozen=True, slots=True)
class ExecutionRecord:
    execution_id: str
    plan_name: str
    mode: Mode
    status: ExecutionStatus
    started_at: str
    dry_run: bool
    launch_order: LaunchOrder
    request: dict[str, Any]
    arn: str | None = None
    """Of the execution in Step Functions; a redriven one has several records."""
    ended_at: str | None = None
    reason: str | None = None
    remedy: str | None = None
    estimate_seconds: int | None = None
    approval_token: str | None = None
    clean_up: str | None = None
    """Of a drill that was stopped: the execution that cleans up after it."""
    holds: tuple[Hold, ...] = ()
    resumed_at: str | None = None
    controls: int = 0
    """How many messages it was sent."""
    decision: Decision | None = None
    servers_skipped: bool = False
    """Whether somebody had single servers skipped."""
    cancellation: Cancellation | None = None


@dataclass(frozen=True, slots=True)
class JobRecord:
    job_id: str
    scope: Scope
    wave: str
    lot: int
    attempt: int
    status: str
    created_at: str
    servers: int
    recorded: int = 0
    """Of how many of its servers DRS had told the outcome when their records were last brought up to date."""
