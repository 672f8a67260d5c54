"""RestoreLaunchSettings: where nothing was launched, and after a drill, DRS gets back what it had."""

from __future__ import annotations

from typing import Any

from shared.rules.control.undo import is_undone
from shared.services.launch_restorer import LaunchRestorer
from shared.settings import ConfigurationSettings
from shared.store import ExecutionNotFoundError, ExecutionStore
from shared.task import Run, task


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId}`` → ``{restored, failed, undo}``. ``undo``: it was cancelled with UNDO."""
    store = run.store
    restored, failed = LaunchRestorer(store, run.accounts, run.execution_id, run.now).restore()
    return {"restored": restored, "failed": failed, "undo": _is_to_be_undone(store, run.execution_id)}


def _is_to_be_undone(store: ExecutionStore, execution_id: str) -> bool:
    """False too for an execution that was refused and has no record."""
    try:
        return is_undone(store.execution(execution_id))
    except ExecutionNotFoundError:
        return False
