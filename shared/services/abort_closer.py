"""Closes executions that take no further state: aborted, timed out, or unable to close themselves.

A drill is cleaned up first, by a workflow that then closes it. If that one ends early, another is started.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from shared.aws.cross_account import MemberAccounts
from shared.aws.step_functions import arn_of, clean_up_machine, clean_up_name, has_ended, start
from shared.model.execution import ExecutionRecord
from shared.model.policies import Mode
from shared.model.status import ExecutionStatus
from shared.rules.closure.execution import Closure
from shared.services.execution_closer import close
from shared.services.launch_restorer import LaunchRestorer
from shared.settings import ConfigurationSettings
from shared.store import ExecutionNotFoundError, ExecutionStore
from shared.times import iso

ERRORS = {"ABORTED": "ExecutionAborted", "TIMED_OUT": "ExecutionTimedOut", "FAILED": "ExecutionNotClosed"}
ATTEMPTS = 3
"""So many clean-ups are started after a drill; to have none, an operator stops them all."""
CLOSED = {"status": "CLOSED"}


class AbortCloser:
    """For one event *Step Functions Execution Status Change*, by its ``detail``."""

    def __init__(
        self,
        store: ExecutionStore,
        settings: ConfigurationSettings,
        accounts: MemberAccounts,
        detail: dict[str, Any],
        now: datetime,
    ) -> None:
        self._store = store
        self._settings = settings
        self._accounts = accounts
        self._detail = detail
        self._arn = str(detail["executionArn"])
        self._now = now

    def close_execution(self) -> dict[str, Any]:
        """After the end of a failover, drill or failback."""
        record = self._latest_record()
        # It may have been redriven meanwhile: then it closes itself.
        if self._closed_itself(record) or not has_ended(self._arn):
            return CLOSED
        closure = Closure(
            execution_id=record.execution_id if record else str(self._detail["name"]),
            started_at=iso(moment(self._detail["startDate"])),
            now=self._now,
            error=ERRORS[self._detail["status"]],
            cause=self._detail.get("cause") or "It was stopped from outside.",
        )
        if record and record.mode is Mode.DRILL and not record.dry_run:
            return self._clean_up(closure)
        return self._close(closure)

    def clean_up_again(self) -> dict[str, Any]:
        """After the end of a clean-up that was stopped or failed: another one resumes it, a few times."""
        request = json.loads(self._detail.get("input") or "{}")
        record = self._record(str(request.get("executionId") or ""))
        if record is None or record.mode is not Mode.DRILL:
            return CLOSED
        done = self._attempts(record)
        if not done and self._was_stopped(record):
            return CLOSED  # the event about the drill itself starts its clean-up
        if done < ATTEMPTS:
            return self._clean_up(self._early_end(record, request), done + 1)
        return CLOSED if record.status.is_final else self._close(self._early_end(record, request))

    def _attempts(self, record: ExecutionRecord) -> int:
        """Which clean-up of the drill has ended, 0 for one that the drill ran itself."""
        names = [clean_up_name(record.execution_id, attempt) for attempt in range(1, ATTEMPTS + 1)]
        name = str(self._detail["name"])
        return names.index(name) + 1 if name in names else 0

    def _was_stopped(self, record: ExecutionRecord) -> bool:
        arn = record.arn or arn_of(record.execution_id, Mode.DRILL, self._arn)
        return record.status is ExecutionStatus.RUNNING and has_ended(arn)

    def _early_end(self, record: ExecutionRecord, request: dict[str, Any]) -> Closure:
        failure = request.get("failure") or {}
        cause = failure.get("Cause") or "The clean-up did not end as it should."
        name, status = self._detail["name"], self._detail["status"]
        return Closure(
            execution_id=record.execution_id,
            started_at=record.started_at,
            now=self._now,
            error=failure.get("Error") or "CleanUpEndedEarly",
            cause=f"{cause} The clean-up {name} ended too early ({status}).",
        )

    def _close(self, closure: Closure) -> dict[str, Any]:
        LaunchRestorer(self._store, self._accounts, closure.execution_id, self._now).restore()
        return close(self._store, self._settings, closure, self._accounts)

    def _clean_up(self, closure: Closure, attempt: int = 1) -> dict[str, Any]:
        """Start a clean-up, which closes the drill in the end. A second event finds it started."""
        name = clean_up_name(closure.execution_id, attempt)
        # Recorded first: from here on no execution takes the drill's servers over before the clean-up ends.
        self._store.change_execution(closure.execution_id, {"clean_up": name})
        request = {
            "executionId": closure.execution_id,
            "startedAt": closure.started_at,
            "close": True,
            "failure": {"Error": closure.error, "Cause": closure.cause},
        }
        return {"status": "CLEANING_UP", "started": start(clean_up_machine(self._arn), name, request)}

    def _latest_record(self) -> ExecutionRecord | None:
        """The record of the last attempt; one that was redriven but not opened again has none."""
        name, redrives = str(self._detail["name"]), int(self._detail.get("redriveCount") or 0)
        ids = [f"{name}-redrive-{number}" for number in range(redrives, 0, -1)]
        return next((record for one in [*ids, name] if (record := self._record(one))), None)

    def _record(self, execution_id: str) -> ExecutionRecord | None:
        try:
            return self._store.execution(execution_id)
        except ExecutionNotFoundError:
            return None

    def _closed_itself(self, record: ExecutionRecord | None) -> bool:
        """Whether CloseExecution ran. One that failed without a record was refused, and has reported that."""
        return self._detail["status"] == "FAILED" if record is None else record.status.is_final


def moment(milliseconds: Any) -> datetime:
    """Step Functions' events give times in milliseconds since 1970 (EventBridge events reference)."""
    return datetime.fromtimestamp(float(milliseconds) / 1000, UTC)
