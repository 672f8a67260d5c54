"""Closes an execution that Step Functions was told to stop, that ran out of time, or could not close itself.

Such an execution takes no further state, so the Step Functions event about it starts this function. A drill
is cleaned up first, by a workflow that then closes it; should that one end too early, another is started.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from shared.aws.step_functions import CLEAN_UP, arn_of, clean_up_machine, clean_up_name, has_ended, start
from shared.model.execution import ExecutionRecord
from shared.model.policies import Mode
from shared.model.status import ExecutionStatus
from shared.services.execution_closer import Ending, close
from shared.services.launch_restorer import LaunchRestorer
from shared.settings import ConfigurationSettings
from shared.store import ExecutionNotFoundError, ExecutionStore
from shared.task import Run, task
from shared.times import iso, parse_time

ERRORS = {"ABORTED": "ExecutionAborted", "TIMED_OUT": "ExecutionTimedOut", "FAILED": "ExecutionNotClosed"}

ATTEMPTS = 3
"""So many clean-ups are started after a drill; whoever wants none must stop them all."""


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """The event *Step Functions Execution Status Change* → ``{status, report, totals, …}``.

    ``{status: CLEANING_UP}`` for a drill, ``{status: CLOSED}`` where there is nothing to do.
    """
    store = run.store
    detail = run.event["detail"]
    now = _moment(detail["stopDate"]) if detail.get("stopDate") else parse_time(run.event.get("time"))
    if str(detail.get("stateMachineArn", "")).endswith(CLEAN_UP):
        return _clean_up_again(run, detail, now)
    record = _latest_record(store, str(detail["name"]), int(detail.get("redriveCount") or 0))
    execution_id = record.execution_id if record else str(detail["name"])
    if _closed_itself(record, detail["status"]) or not has_ended(str(detail["executionArn"])):
        return {"status": "CLOSED"}  # the latter: somebody has redriven it meanwhile
    ending = Ending(
        execution_id=execution_id,
        started_at=iso(_moment(detail["startDate"])),
        now=now,
        error=ERRORS[detail["status"]],
        cause=detail.get("cause") or "It was stopped from outside.",
    )
    if record and record.mode is Mode.DRILL and not record.dry_run:
        return _clean_up(store, ending, str(detail["executionArn"]))
    LaunchRestorer(store, run.accounts, execution_id, now).restore()
    return close(store, run.settings, ending)


def _clean_up(store: ExecutionStore, ending: Ending, arn: str, attempt: int = 1) -> dict[str, Any]:
    """Starts a clean-up, which closes the drill in the end. A second event finds it started."""
    name = clean_up_name(ending.execution_id, attempt)
    # Said first: from here on nobody takes the drill's servers over before the clean-up is over.
    store.change_execution(ending.execution_id, {"clean_up": name})
    request = {
        "executionId": ending.execution_id,
        "startedAt": ending.started_at,
        "close": True,
        "failure": {"Error": ending.error, "Cause": ending.cause},
    }
    return {"status": "CLEANING_UP", "started": start(clean_up_machine(arn), name, request)}


def _clean_up_again(run: Run[ConfigurationSettings], detail: dict[str, Any], now: datetime) -> dict[str, Any]:
    """A clean-up that was stopped or failed: another one goes on where it was, a few times."""
    store = run.store
    request = json.loads(detail.get("input") or "{}")
    record = _record(store, str(request.get("executionId") or ""))
    if record is None or record.mode is not Mode.DRILL:
        return {"status": "CLOSED"}
    execution_id, arn, name = record.execution_id, str(detail["executionArn"]), str(detail["name"])
    names = [clean_up_name(execution_id, attempt) for attempt in range(1, ATTEMPTS + 1)]
    done = names.index(name) + 1 if name in names else 0
    drill_was_stopped = record.status is ExecutionStatus.RUNNING and has_ended(
        record.arn or arn_of(execution_id, Mode.DRILL, arn)
    )
    if not done and drill_was_stopped:
        return {"status": "CLOSED"}  # the event about the drill itself does it
    failure = request.get("failure") or {}
    told = failure.get("Cause") or "The clean-up did not end as it should."
    ending = Ending(
        execution_id=execution_id,
        started_at=record.started_at,
        now=now,
        error=failure.get("Error") or "CleanUpEndedEarly",
        cause=f"{told} The clean-up {name} ended too early ({detail['status']}).",
    )
    if done < ATTEMPTS:
        return _clean_up(store, ending, arn, done + 1)
    if record.status.is_final:
        return {"status": "CLOSED"}
    LaunchRestorer(store, run.accounts, execution_id, now).restore()
    return close(store, run.settings, ending)


def _latest_record(store: ExecutionStore, name: str, redrives: int) -> ExecutionRecord | None:
    """The record of the execution's last attempt; one that was redriven but not opened again has none."""
    ids = [f"{name}-redrive-{number}" for number in range(redrives, 0, -1)]
    return next((record for one in ids if (record := _record(store, one))), None) or _record(store, name)


def _record(store: ExecutionStore, execution_id: str) -> ExecutionRecord | None:
    try:
        return store.execution(execution_id)
    except ExecutionNotFoundError:
        return None


def _closed_itself(record: ExecutionRecord | None, status: str) -> bool:
    """Whether CloseExecution did its work: an execution that failed in the usual way needs no more.

    One that failed without a record was refused, and has reported that.
    """
    if record is None:
        return status == "FAILED"
    return record.status.is_final


def _moment(milliseconds: Any) -> datetime:
    """Step Functions' events give times in milliseconds since 1970 (EventBridge events reference)."""
    return datetime.fromtimestamp(float(milliseconds) / 1000, UTC)
