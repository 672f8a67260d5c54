"""Source servers, their disks and their replication."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

LAUNCHABLE_STATES = frozenset({"CONTINUOUS", "BACKLOG", "RESCAN", "STALLED", "CREATING_SNAPSHOT", "PAUSED"})
"""Replication states a launch is possible in, once there is a consistent point in time (DRS user guide,
preparing-failover: a drill is possible in lag or stall after initial sync)."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A source server or a recovery instance, wherever it is. ``name`` is its id."""

    account: str
    region: str
    name: str


@dataclass(slots=True)
class Disk:
    device: str
    size: int
    """Bytes."""


@dataclass(slots=True)
class LastLaunch:
    api_call_at: datetime
    job_id: str
    is_drill: bool
    status: str


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase of a replication run: ``amount`` is seconds, or bytes where bandwidth is shared."""

    state: str
    amount: float
    shares_bandwidth: bool = False


@dataclass(slots=True)
class Replication:
    """The state of a server's replication. ``snapshots_since``: first consistent point, None if none."""

    state: str
    lag_seconds: float = 0.0
    error: str | None = None
    snapshots_since: datetime | None = None
    replicated: float = 1.0
    """Share of the disks that has been copied, 0 to 1, not counting the phase that runs."""
    rescanned: float = 1.0
    """Share of the disks that has been read again, likewise."""
    initiated_at: datetime | None = None
    first_byte_at: datetime | None = None
    generation: int = 0
    """Counts restarts: each draws its own durations."""
    lag_since: datetime | None = None
    """Start of the lag's growth; None while it does not grow."""
    phase: Phase | None = None
    plan: list[Phase] = field(default_factory=list)
    """The phases after ``phase``; CONTINUOUS follows the last."""
    done: float = 0.0
    """Part of ``phase`` done before ``going_since``."""
    going_since: datetime | None = None
    ticket: int = 0
    """Changes with every phase, so that an end planned before does nothing."""
    pauses: dict[str, str] = field(default_factory=dict)
    """Causes of a stall ("fault", "agent"), with the error that shows."""
    at_end: bool = False
    """The phase is at its end and cannot end: a fault keeps the backlog from shrinking."""
    agent_seen_at: datetime | None = None
    """When EC2 was last asked whether the agent's instance runs."""
    agent_replaced: bool = False
    """Whether a launch has replaced the disks that the agent was on."""

    @property
    def is_active(self) -> bool:
        """Whether it replicates, stalled or not: neither stopped nor disconnected."""
        return self.state not in ("STOPPED", "DISCONNECTED")

    def lag(self, now: datetime) -> float:
        """The lag in seconds."""
        growing = (now - self.lag_since).total_seconds() if self.lag_since else 0.0
        return self.lag_seconds + growing


@dataclass(slots=True)
class SourceServer:
    server_id: str
    arn: str
    number: int
    """Counts the servers of the scope: the order in which they are listed."""
    hostname: str
    platform: str
    architecture: str
    boot_mode: str
    disks: list[Disk]
    replication: Replication
    added_at: datetime
    launch: dict[str, Any]
    """The launch configuration in the API's shape."""
    replication_settings: dict[str, Any]
    """The replication configuration in the API's shape."""
    tags: dict[str, str] = field(default_factory=dict)
    instance_id: str | None = None
    private_ip: str | None = None
    mac_address: str | None = None
    origin_account: str | None = None
    origin_region: str | None = None
    origin_zone: str | None = None
    agent_version: str | None = None
    staging_account: str | None = None
    direction: str = "FAILOVER"
    last_launch: LastLaunch | None = None
    last_launch_result: str = "NOT_STARTED"
    recovery_instance_id: str | None = None
    left_behind: list[str] = field(default_factory=list)
    """EC2 ids of instances that DRS made for this server and whose record was deleted since."""
    busy_until: datetime | None = None
    counterpart: Ref | None = None
    """The server that replicates the other way: of the pair that ReverseReplication made."""
    replicates_from: Ref | None = None
    """The recovery instance whose agent replicates to this server, once one was reversed to it."""
    last_success_at: datetime | None = None
    """When a launch of it last succeeded."""
    reversals: int = 0
    """How often a recovery instance of this server was reversed."""
    reversed_arn: str | None = None
    """reversedDirectionSourceServerArn as it shows."""
    extends: Ref | None = None
    """The server of a staging account that this one extends; ``replication`` is then that server's."""

    @property
    def account(self) -> str:
        """The account it is in."""
        return self.arn.split(":")[4]

    @property
    def region(self) -> str:
        """The Region it is in."""
        return self.arn.split(":")[3]

    @property
    def ref(self) -> Ref:
        """Where it is."""
        return Ref(self.account, self.region, self.server_id)

    @property
    def disk_bytes(self) -> int:
        """The size of all its disks."""
        return sum(disk.size for disk in self.disks)

    @property
    def name(self) -> str:
        """The Name tag, else the host name."""
        return self.tags.get("Name", self.hostname)

    @property
    def target_id(self) -> str | None:
        """The instance it launches into, if any."""
        properties = self.launch.get("launchIntoInstanceProperties") or {}
        return properties.get("launchIntoEC2InstanceID") or None
