"""The record of a server in an execution, and its changes."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

from shared.model.drs import LaunchSettings
from shared.model.ec2 import Volume
from shared.model.finding import Finding
from shared.model.scope import Scope
from shared.model.status import Adoption, Protection, ServerStatus

FLAT = {"flat": True}
"""Metadata of a field whose own fields are stored beside the record's, not under a name of their own."""


class VolumeContent(StrEnum):
    """What a detached volume content, by the launch that detached it."""

    TARGET = "TARGET"
    """What the target had before a failover, while its workload ran at the origin."""
    COPY = "COPY"
    """A copy that a drill ran on, or that was launched and put back before it was started."""
    WORKLOAD = "WORKLOAD"
    """What users wrote on the recovery side, and no failback of ours has brought to the origin."""
    ORIGINAL = "ORIGINAL"
    """What the original had before a failback: also what it wrote after the last replication."""

    @property
    def may_be_only_copy(self) -> bool:
        return self in (VolumeContent.WORKLOAD, VolumeContent.ORIGINAL)


@dataclass(frozen=True, slots=True)
class HealthResult:
    """What one health check of the plan found the last time. ``check``: what it asked, filled in."""

    check: str
    passed: bool
    found: str


@dataclass(frozen=True, slots=True)
class DetachedVolume:
    """An EBS volume that a launch detached from an instance, still billed."""

    volume_id: str
    instance_id: str
    device: str
    scope: Scope
    size_gib: int
    type: str
    detached_by: str  # execution id
    content: VolumeContent


@dataclass(frozen=True, slots=True)
class RemovedVolume:
    """A detached volume that no longer is: deleted on request, or deleted or attached by others."""

    volume_id: str
    instance_id: str
    content: VolumeContent
    removed_at: str
    deleted: bool = False  # by us
    snapshot_id: str | None = None  # taken before


@dataclass(frozen=True, slots=True)
class ServerProgress:
    """How far a server's launch is: some fields of its ``ServerRecord``."""

    status: ServerStatus
    attempts: int = 0
    overwritten: int = 0


@dataclass(frozen=True, slots=True)
class FailbackProgress:
    """How far the failback of a server is, and its protection after it."""

    workload_instance_id: str | None = None
    workload_scope: Scope | None = None
    workload_private_ip: str | None = None
    moved_off_original_at: str | None = None
    """When our launch took the workload off the original; None if no record of ours did."""
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
    workload_restarted_at: str | None = None
    protection: Protection | None = None
    protection_reason: str | None = None
    protection_remedy: str | None = None
    reprotect_requested_at: str | None = None
    protected_at: str | None = None
    retire_requested_at: str | None = None
    retired_at: str | None = None


@dataclass(frozen=True, slots=True)
class DrillProgress:
    """How far the clean-up after a drill is."""

    clean_up_began_at: str | None = None
    cleaned_up_at: str | None = None
    clean_up_issue: str | None = None
    attached_after: tuple[Volume, ...] = ()
    """The volumes of the target when its clean-up was over."""


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """Everything known of one server in one execution: one DynamoDB item.

    Times are ISO 8601 strings in UTC. ``scope`` is where it is launched and where the DRS calls for that
    go: the recovery scope, or in a failback the origin. ``batch`` numbers the job of its wave that it is to
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
    batch: int | None = None
    original_private_ip: str | None = None
    recovery_point: str | None = None  # of the newest copy, when it was checked
    recovered_to: str | None = None  # the time of the snapshot that was launched
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
    overwritten: int = 0  # how often others changed the launch settings after they were set
    started_by_drs: bool = False
    stop_awaited_since: str | None = None
    launched_at: str | None = None
    start_requested_at: str | None = None
    start_refused_at: str | None = None  # when EC2 first had no capacity for it
    verified_at: str | None = None
    health_results: tuple[HealthResult, ...] = ()
    volumes_before: tuple[Volume, ...] = ()
    detached_volumes: tuple[DetachedVolume, ...] = ()
    adoption: Adoption | None = None
    adopted_from: str | None = None  # execution id
    skip: str | None = None  # who had it skipped, and why
    pair_moved_by: str | None = None  # execution id: who had moved the pair last, before this execution
    failback: FailbackProgress = field(default=FailbackProgress(), metadata=FLAT)
    drill: DrillProgress = field(default=DrillProgress(), metadata=FLAT)

    @property
    def drs_server_id(self) -> str:
        """The source server that is launched: the reversed one in a failback."""
        return self.failback.reversed_server_id or self.source_server_id

    @property
    def awaits_capacity(self) -> bool:
        """Whether EC2 refused to start it for want of capacity, and is to be asked again."""
        return self.status is ServerStatus.STARTING and self.start_requested_at is None

    @property
    def outcome(self) -> ServerStatus:
        """Its status; RETURNED if it recovered and was put back: what runs is what ran before."""
        put_back = self.status is ServerStatus.RECOVERED and self.drill.cleaned_up_at is not None
        return ServerStatus.RETURNED if put_back else self.status

    def failed(self, reason: str, remedy: str) -> ServerRecord:
        return replace(self, status=ServerStatus.FAILED, reason=reason, remedy=remedy)


@dataclass(frozen=True, slots=True)
class Change:
    """A server as it was read, and as it is to be: the store writes the difference."""

    before: ServerRecord
    after: ServerRecord

    @property
    def values(self) -> dict[str, Any]:
        """The new values of the fields that differ, by their names."""
        before, after = _values(self.before), _values(self.after)
        return {name: value for name, value in after.items() if value != before[name]}


def _values(record: Any) -> dict[str, Any]:
    """The fields of a record by name, those of its parts beside its own: as its item has them."""
    values: dict[str, Any] = {}
    for own in fields(record):
        value = getattr(record, own.name)
        values |= _values(value) if own.metadata == FLAT else {own.name: value}
    return values
