"""RestoreLaunchSettings: where nothing was launched, and after a drill, DRS gets back what it had."""

from __future__ import annotations

from typing import Any

from shared.launch_restorer import LaunchRestorer
from shared.settings import ConfigurationSettings
from shared.store import execution_store
from shared.task import Task, task


@task
def handler(task: Task) -> dict[str, Any]:
    """``{executionId}`` → ``{restored, failed}``."""
    settings = ConfigurationSettings.from_env()
    store = execution_store(settings.executions_table)
    restorer = LaunchRestorer(store, settings.member_role, settings.external_id, task.execution_id, task.now)
    restored, failed = restorer.restore()
    return {"restored": restored, "failed": failed}
