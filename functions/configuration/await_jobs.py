"""AwaitJobs: register a wave's task token; it is called back when DRS reports its job's last server."""

from __future__ import annotations

from typing import Any

from shared.model.scope import Scope
from shared.settings import ConfigurationSettings
from shared.store import Waiter, WaiterStore
from shared.task import Run, task


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId, wave, taskToken}`` → ``{}``; the state awaits ``{resumed}``."""
    store = run.store
    jobs: dict[Scope, list[str]] = {}
    for job in store.jobs(run.execution_id, unfinished=True):
        if job.wave == run.wave:
            jobs.setdefault(job.scope, []).append(job.job_id)
    for scope, ids in jobs.items():
        waiter = Waiter(run.execution_id, run.wave, run.text("taskToken"), jobs=tuple(ids))
        WaiterStore(store.table_name, scope).put(waiter, run.now)
    return {}
