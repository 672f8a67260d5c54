"""RestoreLaunchSettings: where nothing was launched, DRS gets back the launch settings it had."""

from __future__ import annotations

from typing import Any

from shared.launch_restorer import restore_unlaunched
from shared.settings import ConfigurationSettings
from shared.store import execution_store
from shared.task import Task, task


@task
def handler(task: Task) -> dict[str, Any]:
    """``{executionId}`` → ``{restored, failed}``."""
    settings = ConfigurationSettings.from_env()
    restored, failed = restore_unlaunched(
        execution_store(settings.executions_table),
        settings.member_role,
        settings.external_id,
        task.execution_id,
    )
    return {"restored": restored, "failed": failed}
