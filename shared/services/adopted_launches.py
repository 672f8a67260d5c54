"""Servers that an earlier execution has begun to launch join the wave where they are, untouched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from shared.model.execution import JobRecord
from shared.model.server import Change, ServerRecord
from shared.model.status import Adoption, ServerStatus
from shared.store import ExecutionStore
from shared.times import iso

WAITING = (ServerStatus.READY, ServerStatus.REPLICATED)


def take_over(
    store: ExecutionStore, execution_id: str, servers: Sequence[ServerRecord], now: datetime
) -> list[ServerRecord]:
    """Move adopted servers to LAUNCHING or LAUNCHED, and record their jobs; gives those that stay.

    A job may have ended since it was adopted; AwaitJobs sees that. Repeating it is harmless.
    """
    adopted = [server for server in servers if server.adoption and server.status in WAITING]
    for job in _jobs(store, adopted, now):
        store.put_job(execution_id, job)
    changes = [Change(server, _joined(server, now)) for server in adopted]
    store.change_servers(execution_id, changes, only_from=WAITING)
    return [server for server in servers if server not in adopted]


def _joined(server: ServerRecord, now: datetime) -> ServerRecord:
    if server.adoption is Adoption.JOB:
        return replace(server, status=ServerStatus.LAUNCHING)
    return replace(server, status=ServerStatus.LAUNCHED, launched_at=iso(now))


def _jobs(store: ExecutionStore, servers: Sequence[ServerRecord], now: datetime) -> list[JobRecord]:
    """The jobs that still run, as this execution's own."""
    running = [server for server in servers if server.adoption is Adoption.JOB and server.job_id]
    earlier = {
        job.job_id: job
        for execution_id in sorted({server.adopted_from for server in running if server.adopted_from})
        for job in store.jobs(execution_id)
    }
    jobs = []
    for job_id in sorted({server.job_id for server in running if server.job_id}):
        members = [server for server in running if server.job_id == job_id]
        known = earlier.get(job_id)
        jobs.append(
            JobRecord(
                job_id=job_id,
                scope=members[0].scope,
                wave=members[0].wave or "",
                batch=members[0].batch or 0,
                attempt=members[0].attempts,
                status="STARTED",
                created_at=known.created_at if known else iso(now),
                servers=len(members),
            )
        )
    return jobs
