"""Jobs of other callers: how DescribeJobs shows the fault SERVER_BUSY."""

from __future__ import annotations

from collections.abc import Callable

from drs_emulator.contract import Caller
from drs_emulator.core import Core, new_job
from drs_emulator.faults import Fault
from drs_emulator.jobs.job_end import end as end_job
from drs_emulator.state import Job, Participant, Scope


def start(core: Core, fault: Fault) -> Callable[[], None]:
    """Start a job for each server that ``fault`` keeps busy; returns what ends them.

    Called under the lock. A server in a job needs no other; the caller ends the jobs with the fault.
    """
    jobs = [
        (scope, _job(core, scope, server.server_id))
        for scope in core.scopes.values()
        for server in scope.servers.values()
        if fault.concerns(server) and server.server_id not in scope.busy_servers()
    ]

    def end() -> None:
        with core.lock:
            for scope, job in jobs:
                if job.is_active:
                    job.participants[0].launch_status = "FAILED"
                    end_job(core, scope, job)

    return end


def _job(core: Core, scope: Scope, server_id: str) -> Job:
    other = Caller(scope.account, scope.region, scope.account, None)
    job = new_job(core, scope, "LAUNCH", "DIAGNOSTIC", other, [Participant(server_id)], {})
    job.status = "STARTED"
    core.log(job, "JOB_START")
    return job
