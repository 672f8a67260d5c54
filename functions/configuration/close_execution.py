"""CloseExecution: the last task of every execution, whichever way it went."""

from __future__ import annotations

from typing import Any

from shared.services.execution_closer import Ending, close, message_of
from shared.settings import ConfigurationSettings
from shared.store import execution_store
from shared.task import Task, task


@task
def handler(task: Task) -> dict[str, Any]:
    """``{executionId, startedAt, decision?, failure?: {Error, Cause}}`` → ``{status, report, totals, …}``."""
    settings = ConfigurationSettings.from_env()
    failure = task.event.get("failure") or {}
    ending = Ending(
        execution_id=task.execution_id,
        started_at=task.text("startedAt"),
        now=task.now,
        decision=task.event.get("decision"),
        error=failure.get("Error"),
        cause=message_of(failure.get("Cause")),
    )
    return close(execution_store(settings.executions_table), settings, ending)
