"""AwaitJobs: how far the launches of a wave are, at the price of one DescribeJobs per scope and round."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from shared.cross_account import member_accounts
from shared.drs_client import DrsClient
from shared.drs_job_monitor import COMPLETED, ENDING
from shared.launch_watcher import LaunchWatcher
from shared.model import JobRecord, ServerStatus
from shared.opened_execution import opened
from shared.outcome import retryable
from shared.polling import ENDING_STEP, launch_wait
from shared.settings import QuerySettings
from shared.store import ExecutionStore, execution_store
from shared.task import Task, parse_time, task

ROUND = timedelta(seconds=8)
"""Waves poll on their own; whoever comes first in a round asks DRS for all jobs of the scope."""


@task
def handler(task: Task) -> dict[str, Any]:
    """``{executionId, wave, woken?}`` → ``{launching, toRetry, launched, failed, waitSeconds}``."""
    settings = QuerySettings.from_env()
    store = execution_store(settings.executions_table)
    execution = opened(store, task.execution_id)
    accounts = member_accounts(settings.member_role, settings.external_id)
    jobs = _unfinished(store, task)
    scopes = sorted({job.scope for job in jobs})
    # Who was woken has heard something new, and who awaits the end of a job knows when: both look at once.
    at_once = task.event.get("woken") or any(job.status == ENDING for job in jobs)
    looked = [
        scope for scope in scopes if store.claim_round(task.execution_id, scope, task.now, ROUND) or at_once
    ]
    for scope in looked:
        LaunchWatcher(store, DrsClient(accounts, scope), execution, task.now).look()
    servers = store.servers(task.execution_id, task.wave)
    count = Counter(server.status for server in servers)
    return {
        "launching": count[ServerStatus.LAUNCHING],
        "toRetry": sum(
            server.status is ServerStatus.LAUNCH_FAILED and retryable(server, execution.policies)
            for server in servers
        ),
        "launched": count[ServerStatus.LAUNCHED],
        "failed": count[ServerStatus.FAILED],
        "waitSeconds": _wait(_unfinished(store, task) if looked else jobs, task),
    }


def _unfinished(store: ExecutionStore, task: Task) -> list[JobRecord]:
    return [job for job in store.jobs(task.execution_id) if job.wave == task.wave and job.status != COMPLETED]


def _wait(jobs: Sequence[JobRecord], task: Task) -> int:
    if any(job.status == ENDING for job in jobs):
        return ENDING_STEP
    begun = [parse_time(job.created_at) for job in jobs]
    return launch_wait((task.now - min(begun)).total_seconds() if begun else 0.0)
