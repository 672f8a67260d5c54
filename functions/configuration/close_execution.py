"""CloseExecution: the last task of every execution, good or bad."""

from __future__ import annotations

from typing import Any

from shared.rules.closure.execution import Closure
from shared.rules.closure.failures import failure_of
from shared.services.execution_closer import close
from shared.settings import ConfigurationSettings
from shared.task import Run, task


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId, startedAt, decision?, failure?: {Error, Cause}}`` → ``{status, report, totals, …}``."""
    failure = failure_of(run.event.get("failure"))
    closure = Closure(
        execution_id=run.execution_id,
        started_at=run.text("startedAt"),
        now=run.now,
        decision=run.event.get("decision"),
        error=failure.error if failure else None,
        cause=failure.cause if failure else None,
    )
    return close(run.store, run.settings, closure, run.accounts)
