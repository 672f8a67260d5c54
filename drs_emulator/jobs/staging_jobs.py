"""The second job of launching extended servers: CREATE_CONVERTED_SNAPSHOT, in the staging account.

Snapshot and conversion happen and are logged there; the LAUNCH job of the target account waits and
then launches (the pair was observed in the field; what either log says is inferred).
"""

from __future__ import annotations

from drs_emulator.contract import Caller
from drs_emulator.core import Core, new_job
from drs_emulator.jobs.job_end import end
from drs_emulator.state import Job, Participant, Ref, SourceServer


class StagingJobs:
    """One job per staging account for the extended servers of one LAUNCH job."""

    def __init__(self, core: Core, servers: list[SourceServer], caller: Caller) -> None:
        self._core = core
        self._parts: dict[str, tuple[Job, Participant]] = {}
        wanted: dict[tuple[str, str], list[tuple[str, Ref]]] = {}
        for server in servers:
            if server.extends is not None:
                ref = server.extends
                wanted.setdefault((ref.account, ref.region), []).append((server.server_id, ref))
        for place, pairs in wanted.items():
            parts = {server_id: Participant(ref.name) for server_id, ref in pairs}
            scope = core.scope(*place)
            job = new_job(
                core,
                scope,
                "CREATE_CONVERTED_SNAPSHOT",
                "TARGET_ACCOUNT",
                caller,
                list(parts.values()),
                {},
            )
            job.status = "STARTED"
            core.log(job, "JOB_START")
            self._parts.update({server_id: (job, part) for server_id, part in parts.items()})

    def log(self, server: SourceServer, event: str) -> None:
        """Append an event about the server that ``server`` extends."""
        job, part = self._parts[server.server_id]
        self._core.log(job, event, sourceServerID=part.server_id)

    def close(self, server: SourceServer, *, succeeded: bool) -> None:
        """End ``server`` if it is one of these; the last one ends its job."""
        with self._core.lock:
            job, part = self._parts.get(server.server_id, (None, None))
            if job is None or part is None or part.is_final:
                return
            part.launch_status = "LAUNCHED" if succeeded else "FAILED"
            if not succeeded:
                self._core.log(job, "CONVERSION_FAIL", sourceServerID=part.server_id)
            if all(item.is_final for item in job.participants):
                _, _, _, region, account, _ = job.arn.split(":", 5)
                end(self._core, self._core.scope(account, region), job)
