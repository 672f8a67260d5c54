"""VerifyInstances: the started instances run, have their address, pass EC2's checks and the plan's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.aws.drs_client import DrsClient
from shared.model.server import Change
from shared.model.status import ServerStatus
from shared.rules.launch.polling import ROUND, started_wait, step_wait
from shared.rules.launch.verification import given_up
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
    changes = [Change(s, given_up(s, run.now, timeout)) for s in starting if s.awaits_capacity]
    started = [server for server in starting if not server.awaits_capacity]
    for scope in sorted({server.scope for server in started}):
        members = [server for server in started if server.scope == scope]
        changes += verify(run.accounts, scope, members, checks, run.now, timeout)
    done = run.store.change_servers(run.execution_id, changes, only_from=(ServerStatus.STARTING,))
    to_start = [change.after for change in changes if change.after.awaits_capacity]
    pending = len(starting) - sum(change.after.status.is_final for change in changes)
    return {
        "pending": pending,
        "toStart": len(to_start),
        "recovered": sum(server.status is ServerStatus.RECOVERED for server in done),
        "failed": sum(server.status is ServerStatus.FAILED for server in done),
        "waitSeconds": step_wait((server.start_refused_at for server in to_start), run.now)
        if to_start
        else started_wait((server.start_requested_at for server in started), run.now, pending),
    }


def _watch_jobs(run: Run[ConfigurationSettings]) -> None:
    """The wave goes on once its servers are launched; its jobs end a little later."""
    jobs = run.store.jobs(run.execution_id, unfinished=True)
    for scope in {job.scope for job in jobs if job.wave == run.wave}:
        if run.store.claim_poll(run.execution_id, scope, run.now, ROUND):
            LaunchWatcher(run.store, DrsClient(run.accounts, scope), run.execution, run.now).poll(jobs)
