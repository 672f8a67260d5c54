"""AwaitJobs: how far the launches of a wave are, at the price of one DescribeJobs per scope and round."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from shared.aws.drs_client import DrsClient
from shared.model.execution import JobRecord
from shared.model.policies import Mode
from shared.model.status import ServerStatus, Turn
from shared.rules.control.turns import turn_of
from shared.rules.drs.drs_job_monitor import ENDING
from shared.rules.launch.polling import ENDING_STEP, ROUND, launch_wait
from shared.rules.waves.outcome import Readiness, retryable
from shared.services.launch_watcher import LaunchWatcher
from shared.services.opened_execution import OpenedExecution
from shared.settings import ConfigurationSettings
from shared.store import ExecutionStore
from shared.task import Run, task
from shared.times import parse_time


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId, wave, resumed?}`` → how many servers are ``launching`` and so on, and ``waitSeconds``.

    ``mayStart``: it is the wave's turn to start what it has launched, though others still launch.
    """
    store = run.store
    execution = run.execution
    accounts = run.accounts
    everyone = store.jobs(run.execution_id, unfinished=True)
    jobs = [job for job in everyone if job.wave == run.wave]
    scopes = sorted({job.scope for job in jobs})
    # Who was resumed has heard something new, and who awaits the end of a job knows when: both look at once.
    at_once = run.event.get("resumed") or any(job.status == ENDING for job in jobs)
    looked = [
        scope for scope in scopes if store.claim_round(run.execution_id, scope, run.now, ROUND) or at_once
    ]
    for scope in looked:
        LaunchWatcher(store, DrsClient(accounts, scope), execution, run.now).look(everyone)
    if looked:
        jobs = [job for job in store.jobs(run.execution_id, unfinished=True) if job.wave == run.wave]
    servers = store.progress(run.execution_id, run.wave)
    count = Counter(server.status for server in servers)
    return {
        "launching": count[ServerStatus.LAUNCHING],
        "toRetry": sum(
            server.status is ServerStatus.LAUNCH_FAILED and retryable(server, execution.policies)
            for server in servers
        ),
        "launched": count[ServerStatus.LAUNCHED],
        "starting": count[ServerStatus.STARTING],
        "failed": count[ServerStatus.FAILED],
        "mayStart": _may_start(store, execution, run),
        "waitSeconds": _wait(jobs, run),
    }


def _may_start(store: ExecutionStore, execution: OpenedExecution, run: Run[Any]) -> bool:
    """In a failback all of a wave starts together: until then its workload runs on the other side."""
    if execution.record.mode is Mode.FAILBACK:
        return False
    waves = store.waves(run.execution_id)
    wave = next(wave for wave in waves if wave.name == run.wave)
    verdict = turn_of(execution.record, replace(wave, awaits=Turn.START), waves)
    return verdict.readiness is Readiness.READY


def _wait(jobs: Sequence[JobRecord], run: Run[Any]) -> int:
    if any(job.status == ENDING for job in jobs):
        return ENDING_STEP
    begun = [parse_time(job.created_at) for job in jobs]
    age = (run.now - min(begun)).total_seconds() if begun else 0.0
    return launch_wait(age)
