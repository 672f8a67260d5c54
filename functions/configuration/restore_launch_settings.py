"""RestoreLaunchSettings: where nothing was launched, and after a drill, DRS gets back what it had."""

from __future__ import annotations

from typing import Any

from shared.rules.control.undo import is_undone
from shared.services.launch_restorer import LaunchRestorer
from shared.settings import ConfigurationSettings
from shared.store import ExecutionNotFoundError, ExecutionStore, execution_store
from shared.task import Task, task


@task
def handler(task: Task) -> dict[str, Any]:
    """``{executionId}`` → ``{restored, failed, undo}``. ``undo``: whoever cancelled it wants it undone."""
    settings = ConfigurationSettings.from_env()
    store = execution_store(settings.executions_table)
    restorer = LaunchRestorer(store, settings.member_role, settings.external_id, task.execution_id, task.now)
    restored, failed = restorer.restore()
    return {"restored": restored, "failed": failed, "undo": _is_to_be_undone(store, task.execution_id)}


def _is_to_be_undone(store: ExecutionStore, execution_id: str) -> bool:
    """False too for an execution that was refused and has no record."""
    try:
        return is_undone(store.execution(execution_id))
    except ExecutionNotFoundError:
        return False
