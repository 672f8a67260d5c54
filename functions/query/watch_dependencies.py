"""AwaitDependencies: whether the waves that this one depends on are done."""

from __future__ import annotations

from typing import Any

from shared.outcome import dependency_verdict
from shared.settings import QuerySettings
from shared.store import execution_store
from shared.task import Task, task


@task
def handler(task: Task) -> dict[str, Any]:
    """``{executionId, wave}`` → ``{verdict: READY | WAIT | SKIP, reason?}``."""
    store = execution_store(QuerySettings.from_env().executions_table)
    waves = store.waves(task.execution_id)
    own = next(wave for wave in waves if wave.name == task.wave)
    verdict = dependency_verdict(own, waves)
    return {"verdict": verdict.readiness.value, "reason": verdict.reason or ""}
