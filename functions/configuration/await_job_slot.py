"""AwaitJobSlot: register a batch's task token; it is called back when a slot frees up."""

from __future__ import annotations

from typing import Any

from shared.aws.step_functions import answer
from shared.model.scope import Scope
from shared.rules.control.pauses import launch_pause
from shared.services.pause_reminder import remind_of_pause
from shared.settings import ConfigurationSettings
from shared.store import ExecutionStore, Waiter, WaiterStore
from shared.task import Run, task


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId, wave, batch, scope, paused, taskToken}`` → ``{}``; the state awaits ``{resumed}``."""
    store = run.store
    waiter = Waiter(run.execution_id, run.wave, run.text("taskToken"), batch=run.number("batch"))
    WaiterStore(store.table_name, Scope.parse(run.text("scope"))).put(waiter, run.now)
    # Checked only now: a pause that ends after this finds the token.
    if run.event.get("paused") and not _paused(store, run):
        answer(waiter.task_token, {"resumed": True})
    remind_of_pause(store, run.execution, run.settings, run.now)
    return {}


def _paused(store: ExecutionStore, run: Run[Any]) -> bool:
    wave = store.wave(run.execution_id, run.wave)
    return launch_pause(store.execution(run.execution_id), wave) is not None
