"""WatchJobs: how far the launches of a wave are, with one DescribeJobs per scope and poll."""

from __future__ import annotations

from collections import Counter
from typing import Any

from shared.aws.drs_client import DrsClient
from shared.model.status import ServerStatus
from shared.rules.control.turns import may_start
from shared.rules.drs.drs_job_monitor import FINISHING
from shared.rules.launch.polling import ROUND, jobs_wait
from shared.rules.waves.outcome import retryable
from shared.services.late_changes import warn_of_late_changes
from shared.services.launch_configurer import OPEN
from shared.services.launch_watcher import LaunchWatcher
from shared.settings import ConfigurationSettings
from shared.task import Run, task


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId, wave, resumed?}`` → how many servers are ``launching`` and so on, and ``waitSeconds``.

    ``mayStart``: it is the wave's turn to start what it has launched, though others still launch.
    """
    store, execution = run.store, run.execution
    unfinished = store.jobs(run.execution_id, unfinished=True)
    jobs = [job for job in unfinished if job.wave == run.wave]
    # A callback means news, and a job that ends does so within seconds: both poll at once.
    at_once = run.event.get("resumed") or any(job.status == FINISHING for job in jobs)
    polled = [
        scope
        for scope in sorted({job.scope for job in jobs})
        if store.claim_poll(run.execution_id, scope, run.now, ROUND) or at_once
    ]
    for scope in polled:
        drs = DrsClient(run.accounts, scope)
        LaunchWatcher(store, drs, execution, run.now).poll(unfinished)
        warn_of_late_changes(store, drs, execution, unfinished, run.now, run.settings.topic_arn)
    if polled:
        jobs = [job for job in store.jobs(run.execution_id, unfinished=True) if job.wave == run.wave]
    servers = store.progress(run.execution_id, run.wave)
    count = Counter(server.status for server in servers)
    finishing = any(job.status == FINISHING for job in jobs)
    return {
        "launching": count[ServerStatus.LAUNCHING],
        "toConfigure": sum(server.overwritten > 0 and server.status in OPEN for server in servers),
        "toRetry": sum(retryable(server, execution.policies) for server in servers),
        "launched": count[ServerStatus.LAUNCHED],
        "starting": count[ServerStatus.STARTING],
        "failed": count[ServerStatus.FAILED],
        "mayStart": may_start(execution.record, run.wave, lambda: store.waves(run.execution_id)),
        "waitSeconds": jobs_wait((job.created_at for job in jobs), run.now, finishing=finishing),
    }
