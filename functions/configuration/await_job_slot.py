"""AwaitJobSlot: leave word of a batch that waits for a slot in its scope; whoever frees slots wakes it."""

from __future__ import annotations

from typing import Any

from shared.aws.step_functions import answer
from shared.model.scope import Scope
from shared.rules.control.pauses import launch_pause
from shared.settings import ConfigurationSettings
from shared.store import ExecutionStore, Waiter, WaiterStore, execution_store
from shared.task import Task, task


@task
def handler(task: Task) -> dict[str, Any]:
    """``{executionId, wave, batch, scope, held, taskToken}`` → ``{}``; the state awaits ``{resumed}``."""
    store = execution_store(ConfigurationSettings.from_env().executions_table)
    waiter = Waiter(task.execution_id, task.wave, task.text("taskToken"), batch=task.number("batch"))
    WaiterStore(store.table_name, Scope.parse(task.text("scope"))).put(waiter, task.now)
    # Only now look: a hold that is lifted after this finds the token.
    if task.event.get("held") and not _held(store, task):
        answer(waiter.task_token, {"resumed": True})
    return {}


def _held(store: ExecutionStore, task: Task) -> bool:
    wave = store.wave(task.execution_id, task.wave)
    return launch_pause(store.execution(task.execution_id), wave) is not None
