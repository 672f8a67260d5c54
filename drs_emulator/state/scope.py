"""One account in one Region: its servers, jobs, recovery instances and templates."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from drs_emulator.state.ids import hashed_id
from drs_emulator.state.jobs import Job
from drs_emulator.state.source_servers import Ref, SourceServer


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
    mac_address: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    replication_state: str = "NOT_STARTED"
    """NOT_STARTED or DISCONNECTED; once reversed, it is the reversed server's."""
    terminated_at: datetime | None = None
    reversed_to: Ref | None = None
    """The source server that it replicates to after ReverseReplication."""
    reversed_at: datetime | None = None
    failback_stopped: bool = False
    failback_reported: str = "FAILBACK_NOT_STARTED"
    """The failback state of the last event."""
    failback_settings: dict[str, Any] = field(default_factory=dict)
    """The failback replication configuration in the API's shape."""

    @property
    def ref(self) -> Ref:
        """Where it is."""
        _, _, _, region, account, _ = self.arn.split(":", 5)
        return Ref(account, region, self.instance_id)


@dataclass(slots=True)
class Template:
    """A launch or replication configuration template; ``settings`` in the API's shape."""

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
