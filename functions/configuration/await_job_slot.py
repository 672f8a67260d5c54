"""AwaitJobSlot: leave word of a batch that waits for a slot in its scope; whoever frees slots wakes it."""

from __future__ import annotations

from typing import Any

from shared.aws.step_functions import answer
from shared.model.scope import Scope
from shared.rules.control.pauses import launch_pause
from shared.settings import ConfigurationSettings
from shared.store import ExecutionStore, Waiter, WaiterStore
from shared.task import Run, task


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId, wave, batch, scope, held, taskToken}`` → ``{}``; the state awaits ``{resumed}``."""
    store = run.store
    waiter = Waiter(run.execution_id, run.wave, run.text("taskToken"), batch=run.number("batch"))
    WaiterStore(store.table_name, Scope.parse(run.text("scope"))).put(waiter, run.now)
    # Only now look: a hold that is lifted after this finds the token.
    if run.event.get("held") and not _held(store, run):
        answer(waiter.task_token, {"resumed": True})
    return {}


def _held(store: ExecutionStore, run: Run[Any]) -> bool:
    wave = store.wave(run.execution_id, run.wave)
    return launch_pause(store.execution(run.execution_id), wave) is not None
