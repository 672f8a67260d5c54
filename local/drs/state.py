"""What the emulator remembers, per account and Region. Changed only with the state lock held."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from local.drs.contract import Caller
from local.drs.errors import LockHeldError

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
        """Raise LockHeldError if this thread holds the lock: ``what`` must not wait on it."""
        if self._owner == threading.get_ident():
            raise LockHeldError(f"{what} with the state lock held")


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


@dataclass(slots=True)
class Replication:
    """Where a server's replication stands. ``snapshots_since``: first consistent point, None if none."""

    state: str
    lag_seconds: float = 0.0
    error: str | None = None
    snapshots_since: datetime | None = None
    replicated: float = 1.0
    """Share of the disks that has been copied, 0 to 1."""
    initiated_at: datetime | None = None
    first_byte_at: datetime | None = None
    generation: int = 0
    """Counts restarts, so that a step planned for an earlier run does nothing."""


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
    terminated_at: datetime | None = None


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
