"""What the emulator remembers, per account and Region. Changed only with the state lock held."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from drs_emulator.contract import Caller
from drs_emulator.errors import LockedError

LAUNCHABLE_STATES = frozenset({"CONTINUOUS", "BACKLOG", "RESCAN", "STALLED", "CREATING_SNAPSHOT", "PAUSED"})
"""Replication states a launch is possible in, once there is a consistent point in time (DRS user guide,
preparing-failover: a drill is possible in lag or stall after initial sync)."""


class StateLock:
    """The one lock of an emulator. Re-entrant, and able to tell whether this thread holds it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._owner: int | None = None
        self._depth = 0

    def __enter__(self) -> None:
        self._lock.acquire()
        self._owner = threading.get_ident()
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._owner = None
        self._lock.release()

    def check_free(self, what: str) -> None:
        """Raise LockedError if this thread holds the lock: ``what`` must not wait on it."""
        if self._owner == threading.get_ident():
            raise LockedError(f"{what} with the state lock held")


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
class Ref:
    """A source server or a recovery instance, wherever it is. ``name`` is its id."""

    account: str
    region: str
    name: str


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase of a replication run: ``amount`` is seconds, or bytes where the scope's line is shared."""

    state: str
    amount: float
    shares_line: bool = False


@dataclass(slots=True)
class Replication:
    """Where a server's replication stands. ``snapshots_since``: first consistent point, None if none."""

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
    """Since when the lag grows; None while it does not."""
    phase: Phase | None = None
    plan: list[Phase] = field(default_factory=list)
    """The phases after ``phase``; CONTINUOUS follows the last."""
    done: float = 0.0
    """How much of ``phase`` was done before ``going_since``."""
    going_since: datetime | None = None
    ticket: int = 0
    """Changes with every move, so that an end that was planned before it does nothing."""
    pauses: dict[str, str] = field(default_factory=dict)
    """Why it stands still ("fault", "agent"), with the error that shows."""
    held: bool = False
    """The phase has come to its end and may not end: a fault keeps the backlog from shrinking."""
    agent_seen_at: datetime | None = None
    """When EC2 was last asked whether the agent's instance runs."""

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
    """The launch configuration in the words of the API."""
    replication_settings: dict[str, Any]
    """The replication configuration in the words of the API."""
    tags: dict[str, str] = field(default_factory=dict)
    instance_id: str | None = None
    private_ip: str | None = None
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


@dataclass(slots=True)
class Participant:
    """One server of a job. ``launch_status`` as the job keeps it, whatever the wire shows."""

    server_id: str
    launch_status: str = "PENDING"
    recovery_instance_id: str | None = None
    snapshot_id: str | None = None

    @property
    def is_final(self) -> bool:
        return self.launch_status in ("LAUNCHED", "FAILED", "TERMINATED")


@dataclass(slots=True)
class LogItem:
    at: datetime
    event: str
    data: dict[str, Any]


@dataclass(slots=True)
class Job:
    job_id: str
    arn: str
    number: int
    type: str
    initiated_by: str
    created_at: datetime
    caller: Caller
    participants: list[Participant]
    tags: dict[str, str]
    status: str = "PENDING"
    ended_at: datetime | None = None
    log: list[LogItem] = field(default_factory=list)

    @property
    def is_drill(self) -> bool:
        return self.initiated_by == "START_DRILL"

    @property
    def is_active(self) -> bool:
        return self.status != "COMPLETED"


@dataclass(slots=True)
class RecoveryInstance:
    instance_id: str
    arn: str
    server_id: str
    job_id: str
    is_drill: bool
    launched_into: bool
    created_at: datetime
    point_in_time: datetime
    private_ip: str | None
    volumes: list[tuple[str, int, str]]
    """(device, bytes, EBS volume id) of what it was launched with."""
    tags: dict[str, str] = field(default_factory=dict)
    replication_state: str = "NOT_STARTED"
    """NOT_STARTED or DISCONNECTED; once reversed, it is the reversed server's."""
    terminated_at: datetime | None = None
    reversed_to: Ref | None = None
    """The source server that it replicates to since ReverseReplication."""
    reversed_at: datetime | None = None
    failback_stopped: bool = False
    failback_told: str = "FAILBACK_NOT_STARTED"
    """The failback state of the last event."""
    failback_settings: dict[str, Any] = field(default_factory=dict)
    """The failback replication configuration in the words of the API."""

    @property
    def ref(self) -> Ref:
        """Where it is."""
        _, _, _, region, account, _ = self.arn.split(":", 5)
        return Ref(account, region, self.instance_id)


@dataclass(slots=True)
class Template:
    """A launch or replication configuration template; ``settings`` in the words of the API."""

    template_id: str
    arn: str
    settings: dict[str, Any]
    tags: dict[str, str]


@dataclass(slots=True)
class Scope:
    """The state of one account in one Region."""

    account: str
    region: str
    initialized: bool = False
    servers: dict[str, SourceServer] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    recovery_instances: dict[str, RecoveryInstance] = field(default_factory=dict)
    launch_templates: dict[str, Template] = field(default_factory=dict)
    replication_templates: dict[str, Template] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)

    def arn(self, kind: str, name: str) -> str:
        """The ARN of a resource of this scope."""
        return f"arn:aws:drs:{self.region}:{self.account}:{kind}/{name}"

    def new_id(self, prefix: str, seed: int) -> str:
        """A fresh id of the pattern ``<prefix>-`` + 17, the same in every run with the same seed."""
        self.counters[prefix] = self.counters.get(prefix, 0) + 1
        return hashed_id(prefix, seed, self.account, self.region, self.counters[prefix])

    def active_jobs(self) -> list[Job]:
        """Jobs that have not ended."""
        return [job for job in self.jobs.values() if job.is_active]

    def busy_servers(self) -> set[str]:
        """Ids of the servers that take part in an active job."""
        return {part.server_id for job in self.active_jobs() for part in job.participants}


def hashed_id(prefix: str, *parts: object) -> str:
    """``<prefix>-`` and 17 hex digits that depend on nothing but ``parts``."""
    digest = hashlib.sha256("/".join(map(str, (prefix, *parts))).encode()).hexdigest()
    return f"{prefix}-{digest[:17]}"
