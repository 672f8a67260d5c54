"""What the emulator drew in a run: how long each job took, and each boot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import ec2

from local.fleet import BuiltServer
from local.simulation import VirtualCloud

_STATE_CHANGE = "EC2 Instance State-change Notification"


@dataclass(frozen=True, slots=True)
class Launch:
    """A server in a job: ``seconds`` from the job's creation to its launch, or to its failure."""

    server: str
    seconds: float
    launched: bool


@dataclass(frozen=True, slots=True)
class Job:
    """``seconds`` from its creation to its end: for so long it and its servers count against the quotas."""

    job_id: str
    scope: str
    seconds: float
    launches: tuple[Launch, ...]


@dataclass(frozen=True, slots=True)
class Sampled:
    """Jobs in the order of their creation. ``boots``: seconds from start to passed checks, by server."""

    jobs: tuple[Job, ...]
    boots: Mapping[str, float]
    wave_of: Mapping[str, str]


def sampled(cloud: VirtualCloud, servers: Sequence[BuiltServer]) -> Sampled:
    """Reads it from the emulator's records, not from ours. ``servers`` are named ``WAVE-SITE-NUMBER``."""
    _, state = cloud.drs.admin("GET", "/state", None)
    found = [
        (job["creationDateTime"], _job(f"{scope['account']}/{scope['region']}", job))
        for scope in state["scopes"]
        for job in scope["jobs"]
        if job["type"] == "LAUNCH"
    ]
    jobs = tuple(job for _, job in sorted(found, key=lambda pair: (pair[0], pair[1].job_id)))
    instances = {
        item["recoveryInstanceID"]: (item["sourceServerID"], scope["account"], scope["region"])
        for scope in state["scopes"]
        for item in scope["recoveryInstances"]
    }
    pending: dict[str, datetime] = {}
    for event in cloud.events:
        if event.get("detail-type") == _STATE_CHANGE and event["detail"]["state"] == "pending":
            pending[event["detail"]["instance-id"]] = datetime.fromisoformat(event["time"])
    boots = {}
    for instance_id, (server, account, region) in instances.items():
        with request_scope(account, region):
            checked: datetime | None = ec2._instances[instance_id].get("_checks_end")
            running = ec2._instances[instance_id]["State"]["Name"] == "running"
        if running and checked is not None:
            boots[server] = (checked - pending[instance_id]).total_seconds()
    waves = {server.source_server_id: server.name.rsplit("-site-", 1)[0] for server in servers}
    return Sampled(jobs, boots, waves)


def _job(scope: str, job: dict[str, Any]) -> Job:
    created = _time(job["creationDateTime"])
    through = {}
    for item in job["log"]:
        server = item["eventData"].get("sourceServerID")
        if server is not None:
            through[server] = (_time(item["logDateTime"]) - created).total_seconds()
    launches = tuple(
        Launch(
            part["sourceServerID"], through[part["sourceServerID"]], part.get("launchStatus") == "LAUNCHED"
        )
        for part in job["participatingServers"]
    )
    seconds = (_time(job["endDateTime"]) - created).total_seconds()
    return Job(job["jobID"], scope, seconds, launches)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
