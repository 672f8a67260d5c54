"""AwaitJobs: leave word of a wave that waits for its jobs; what DRS tells of the last server wakes it."""

from __future__ import annotations

from typing import Any

from shared.model.scope import Scope
from shared.settings import ConfigurationSettings
from shared.store import Waiter, WaiterStore, execution_store
from shared.task import Task, task


@task
def handler(task: Task) -> dict[str, Any]:
    """``{executionId, wave, taskToken}`` → ``{}``; the state awaits ``{resumed}``."""
    store = execution_store(ConfigurationSettings.from_env().executions_table)
    jobs: dict[Scope, list[str]] = {}
    for job in store.jobs(task.execution_id, unfinished=True):
        if job.wave == task.wave:
            jobs.setdefault(job.scope, []).append(job.job_id)
    for scope, ids in jobs.items():
        waiter = Waiter(task.execution_id, task.wave, task.text("taskToken"), jobs=tuple(ids))
        WaiterStore(store.table_name, scope).put(waiter, task.now)
    return {}
