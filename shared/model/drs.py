"""DRS resources as the rules see them: source servers, launch settings, jobs, recovery instances."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.model.ec2 import Volume
from shared.model.scope import Scope


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
    ``last_seen`` (ISO 8601): when DRS last saw its agent.
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
    last_seen: str | None = None
    mac_addresses: tuple[str, ...] = ()
    private_ips: tuple[str, ...] = ()


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
    point_in_time: str | None = None
    """The time of the snapshot that it was launched from (ISO 8601)."""


@dataclass(frozen=True, slots=True)
class ReplicationTemplate:
    """``private_routing``: data go over private addresses (VPN, peering), not over the internet."""

    staging_subnet: str | None
    private_routing: bool


@dataclass(frozen=True, slots=True)
class LaunchTemplate:
    """``launch_into_source``: reversed servers are set to launch into the instance they came from (DRS user
    guide, default-drs-launch-into-source-instance); ``copies``: tags or private addresses are copied.
    """

    launch_into_source: bool = False
    copies: bool = False
