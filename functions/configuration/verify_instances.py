"""VerifyInstances: the started instances run, have their address, pass EC2's checks and the plan's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.aws.drs_client import DrsClient
from shared.model.server import Change
from shared.model.status import ServerStatus
from shared.rules.launch.polling import ROUND, verification_wait
from shared.services.instance_verifier import verify
from shared.services.launch_watcher import LaunchWatcher
from shared.settings import ConfigurationSettings
from shared.task import Run, task


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId, wave}`` → ``{pending, toStart, recovered, failed, waitSeconds}``.

    ``toStart``: how many of the pending ones EC2 had no capacity for; they are started again.
    """
    checks = run.execution.plan.wave(run.wave).health_checks
    timeout = timedelta(seconds=run.execution.policies.verify_timeout_seconds)
    starting = run.store.servers(run.execution_id, run.wave, statuses=(ServerStatus.STARTING,))
    _watch_jobs(run)
    changes: list[Change] = []
    for scope in sorted({server.scope for server in starting}):
        members = [server for server in starting if server.scope == scope]
        changes += verify(run.accounts, scope, members, checks, run.now, timeout)
    done = run.store.change_servers(run.execution_id, changes, only_from=(ServerStatus.STARTING,))
    after = {change.before.source_server_id: change.after for change in changes}
    settled = [after.get(server.source_server_id, server) for server in starting]
    pending = [server for server in settled if not server.status.is_final]
    return {
        "pending": len(pending),
        "toStart": sum(server.awaits_capacity for server in pending),
        "recovered": sum(server.status is ServerStatus.RECOVERED for server in done),
        "failed": sum(server.status is ServerStatus.FAILED for server in done),
        "waitSeconds": verification_wait(pending, run.now),
    }


def _watch_jobs(run: Run[ConfigurationSettings]) -> None:
    """The wave goes on once its servers are launched; its jobs end a little later."""
    jobs = run.store.jobs(run.execution_id, unfinished=True)
    for scope in {job.scope for job in jobs if job.wave == run.wave}:
        if run.store.claim_poll(run.execution_id, scope, run.now, ROUND):
            LaunchWatcher(run.store, DrsClient(run.accounts, scope), run.execution, run.now).poll(jobs)
