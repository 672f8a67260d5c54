"""AwaitDependencies: leave word of a wave that waits; whoever ends the last wave it depends on wakes it."""

from __future__ import annotations

from typing import Any

from shared.dependants import wake_if_ready
from shared.settings import ConfigurationSettings
from shared.store import execution_store
from shared.task import Task, task


@task
def handler(task: Task) -> dict[str, Any]:
    """``{executionId, wave, taskToken}`` → ``{}``; the state awaits ``{verdict, reason}``: READY or SKIP."""
    store = execution_store(ConfigurationSettings.from_env().executions_table)
    store.change_wave(task.execution_id, task.wave, {"token": task.text("taskToken")})
    # Only now look: a wave that ends after this finds the token.
    wake_if_ready(store, task.execution_id, {task.wave})
    return {}
