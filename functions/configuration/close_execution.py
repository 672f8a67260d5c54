"""CloseExecution: the last task of every execution, whichever way it went."""

from __future__ import annotations

import json
from typing import Any

from shared.closing import Ending, close
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


def message_of(cause: Any) -> str | None:
    """The message in a failed function's error document, or the text as it is."""
    text = str(cause or "")
    try:
        document = json.loads(text)
    except ValueError:
        return text or None
    return str(document.get("errorMessage", text)) if isinstance(document, dict) else text
