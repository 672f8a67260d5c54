"""Closes an execution that Step Functions was told to stop, that ran out of time, or could not close itself.

Such an execution takes no further state, so the Step Functions event about it starts this function.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from shared.closing import Ending, close
from shared.launch_restorer import restore_unlaunched
from shared.model import ExecutionStatus
from shared.settings import ConfigurationSettings
from shared.store import ExecutionNotFoundError, ExecutionStore, execution_store
from shared.task import Task, iso, parse_time, task

ERRORS = {"ABORTED": "ExecutionAborted", "TIMED_OUT": "ExecutionTimedOut", "FAILED": "ExecutionNotClosed"}


@task
def handler(task: Task) -> dict[str, Any]:
    """The event *Step Functions Execution Status Change* → ``{status, report, totals, …}``."""
    settings = ConfigurationSettings.from_env()
    store = execution_store(settings.executions_table)
    detail = task.event["detail"]
    execution_id = str(detail["name"])
    if _closed_itself(store, execution_id, detail["status"]):
        return {"status": "CLOSED"}
    restore_unlaunched(store, settings.member_role, settings.external_id, execution_id)
    ending = Ending(
        execution_id=execution_id,
        started_at=iso(_moment(detail["startDate"])),
        now=_moment(detail.get("stopDate")) if detail.get("stopDate") else parse_time(task.event.get("time")),
        error=ERRORS[detail["status"]],
        cause=detail.get("cause") or "It was stopped from outside.",
    )
    return close(store, settings, ending)


def _closed_itself(store: ExecutionStore, execution_id: str, status: str) -> bool:
    """Whether CloseExecution did its work: an execution that failed in the usual way needs no more.

    One that failed without a record was refused, and has reported that.
    """
    try:
        return store.execution(execution_id).status is not ExecutionStatus.RUNNING
    except ExecutionNotFoundError:
        return status == "FAILED"


def _moment(milliseconds: Any) -> datetime:
    """Step Functions' events give times in milliseconds since 1970 (EventBridge events reference)."""
    return datetime.fromtimestamp(float(milliseconds) / 1000, UTC)
