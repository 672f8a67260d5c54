"""Jobs, the servers in them and their logs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from drs_emulator.contract import Caller


@dataclass(slots=True)
class Participant:
    """One server of a job. ``launch_status`` is the job's own; the wire may omit it."""

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
