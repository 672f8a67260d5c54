"""The end of a job of any type."""

from __future__ import annotations

from datetime import timedelta

from drs_emulator.core import Core
from drs_emulator.state import Job, Scope


def end(core: Core, scope: Scope, job: Job) -> None:
    """JOB_END and COMPLETED; the servers stay busy for ``busy_after_job_seconds``."""
    with core.lock:
        core.log(job, "JOB_END")
        job.status = "COMPLETED"
        job.ended_at = core.now()
        seconds = core.settings.busy_after_job_seconds
        for part in job.participants:
            server = scope.servers.get(part.server_id)
            if server is not None and seconds:
                server.busy_until = core.now() + timedelta(seconds=seconds)
