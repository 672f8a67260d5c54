"""The Step Functions API for executions and their tasks, written once for the local cloud and virtual time.

A host says which machines there are, starts each attempt in its kind of thread, and publishes the events of
aws.states. All dates are the clock's. Machines, versions, aliases and tags are the host's own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from drs_emulator.clock import Clock
from local.states.errors import DefinitionError, StatesError
from local.states.execution import check
from local.states.orders import Machine, Order
from local.states.paging import page_of_events, page_of_executions
from local.states.records import Record, described, epoch, listed, status_event
from local.states.redrive import resume_point
from local.states.run import Run
from local.states.runtime import current
from local.states.task_tokens import Tasks
from local.states.times import iso

Data = dict[str, Any]
Operation = Callable[[Data], Data]

MAX_INPUT_BYTES = 262_144
"""Input or output of an execution, a state or a task (Step Functions developer guide, quotas)."""
_NAME = re.compile(r"^[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}$")


class Host(Protocol):
    """The cloud around the API."""

    def machine(self, arn: str) -> Machine | None:
        """The machine, version or alias of an ARN, None where there is none."""

    def begin(self, record: Record, start: Callable[[], None]) -> None:
        """Calls ``start`` for an attempt of ``record``, now or in a thread of its own."""

    def publish(self, record: Record, event: Data) -> None:
        """An event about ``record``: source, detail-type, resources, detail."""


class StatesApi:
    """Executions by ARN. An operation takes and returns what its JSON has, and raises StatesError."""

    def __init__(self, clock: Clock, host: Host) -> None:
        self.records: dict[str, Record] = {}
        self._clock = clock
        self._host = host
        tasks = Tasks(self.records)
        self.operations: dict[str, Operation] = {
            "StartExecution": self._start_execution,
            "StartSyncExecution": self._start_sync_execution,
            "StopExecution": self._stop_execution,
            "RedriveExecution": self._redrive_execution,
            "DescribeExecution": self._describe_execution,
            "ListExecutions": self._list_executions,
            "GetExecutionHistory": self._get_execution_history,
            "SendTaskSuccess": tasks.succeeded,
            "SendTaskFailure": tasks.failed,
            "SendTaskHeartbeat": tasks.heartbeat,
            "ListMapRuns": tasks.list_map_runs,
            "DescribeMapRun": tasks.describe_map_run,
            "ValidateStateMachineDefinition": _validate,
        }

    def call(self, operation: str, parameters: Data, scope: tuple[str, str]) -> Data:
        """An operation for a caller of ``scope`` (account, Region), to whom other executions are unknown."""
        arn = parameters.get("executionArn")
        if arn is not None and tuple(str(arn).split(":")[4:2:-1]) != scope:
            raise StatesError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return self.operations[operation](parameters)

    def record(self, arn: Any) -> Record:
        """An execution. Raises StatesError ExecutionDoesNotExist."""
        if arn not in self.records:
            raise StatesError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return self.records[arn]

    def forget(self, is_forgotten: Callable[[Record], bool] = lambda record: True) -> None:
        """Drops executions, as the end of their machine does."""
        for arn, record in list(self.records.items()):
            if is_forgotten(record):
                del self.records[arn]

    def start(self, asked: Data, is_express: bool = False) -> Record:
        """StartExecution's work: the execution, or the one of the same name and input that runs."""
        machine = self._machine(str(asked.get("stateMachineArn", "")))
        name, text = asked.get("name") or current().new_id(), asked.get("input") or "{}"
        value = _checked_input(name, text)
        arn = f"{machine.arn.replace(':stateMachine:', ':execution:')}:{name}"
        known = self.records.get(arn)
        if known is not None:
            # The same name and input is the same execution while it runs (StartExecution API reference).
            if known.status == "RUNNING" and json.loads(known.input) == value:
                return known
            raise StatesError("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")
        run = Run(Order(machine, arn, name, text), self._ended)
        record = Record(arn, name, machine, text, self._clock.now(), run, is_express)
        self.records[arn] = record
        self._publish(record)
        self._host.begin(record, record.run.start)
        return record

    # --- executions ------------------------------------------------------------------------------------

    def _start_execution(self, parameters: Data) -> Data:
        record = self.start(parameters)
        return {"executionArn": record.arn, "startDate": epoch(record.start_date)}

    def _start_sync_execution(self, parameters: Data) -> Data:
        record = self.start(parameters, is_express=True)
        record.run.ended.wait()
        answer = described(record)
        for field in ("redriveCount", "redriveStatus", "redriveStatusReason"):
            answer.pop(field, None)
        return answer

    def _stop_execution(self, parameters: Data) -> Data:
        record = self.record(parameters.get("executionArn"))
        # AWS accepts the stop of an ended execution, and answers the date of its end.
        if record.status == "RUNNING":
            now = record.stop_date = self._clock.now()
            record.status = "ABORTED"
            record.error, record.cause = parameters.get("error"), parameters.get("cause")
            record.run.stop(now, record.error, record.cause)
            self._publish(record)
        return {"stopDate": epoch(record.stop_date or self._clock.now())}

    def _redrive_execution(self, parameters: Data) -> Data:
        record = self.record(parameters.get("executionArn"))
        if not record.is_redrivable:
            raise StatesError(
                "ExecutionNotRedrivable",
                f"Execution is {record.status} and cannot be redriven: '{record.arn}'",
            )
        machine = self._machine(record.started_from.version_arn or record.machine_arn)
        events = record.run.history()
        point = resume_point(events, json.loads(machine.definition))
        now = self._clock.now()
        record.status, record.stop_date, record.error, record.cause = "RUNNING", None, None, None
        record.redrives, record.redrive_date = record.redrives + 1, now
        redriven = {
            "id": len(events) + 1,
            "previousEventId": len(events),
            "type": "ExecutionRedriven",
            "timestamp": iso(now),
            "executionRedrivenEventDetails": {"redriveCount": record.redrives},
        }
        order = replace(record.run.order, machine=machine, redrive_count=record.redrives, resume=point)
        record.run = Run(order, self._ended, (*events, redriven))
        self._publish(record)
        self._host.begin(record, record.run.start)
        return {"redriveDate": epoch(now)}

    def _ended(self, run: Run) -> None:
        """Record how an attempt ended, unless it was stopped or redriven meanwhile."""
        record, execution = self.records.get(run.order.arn), run.execution
        if record is None or record.status != "RUNNING" or record.run is not run:
            return
        record.stop_date = self._clock.now()
        record.output, record.error, record.cause = execution.output_json, execution.error, execution.cause
        record.status = execution.status
        self._publish(record)

    def _publish(self, record: Record) -> None:
        if not record.is_express:  # those have no status events
            self._host.publish(record, status_event(record))

    def _machine(self, arn: str) -> Machine:
        machine = self._host.machine(arn)
        if machine is None:
            raise StatesError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        return machine

    # --- what there is ---------------------------------------------------------------------------------

    def _describe_execution(self, parameters: Data) -> Data:
        return described(self.record(parameters.get("executionArn")))

    def _list_executions(self, parameters: Data) -> Data:
        asked, status = parameters.get("stateMachineArn"), parameters.get("statusFilter")
        if not asked and not parameters.get("mapRunArn"):
            raise StatesError("ValidationException", "stateMachineArn or mapRunArn is needed")
        if parameters.get("mapRunArn"):
            raise StatesError("ResourceNotFound", f"Map Run Does Not Exist: '{parameters['mapRunArn']}'")
        machine = self._host.machine(str(asked))
        wanted = machine.arn if machine is not None else asked
        found = [
            record
            for record in list(self.records.values())
            if record.machine_arn == wanted and status in (None, record.status)
        ]
        page, token = page_of_executions(found, parameters)
        return {
            "executions": [listed(record) for record in page],
            **({"nextToken": token} if token else {}),
        }

    def _get_execution_history(self, parameters: Data) -> Data:
        record = self.record(parameters.get("executionArn"))
        page, token = page_of_events(record.arn, record.run.history(), parameters)
        if parameters.get("includeExecutionData") is False:
            page = [_without_payloads(event) for event in page]
        return {"events": page, **({"nextToken": token} if token else {})}


def definition_error(text: str) -> str | None:
    """What is wrong with a definition (ASL as JSON text), or None."""
    try:
        check(text)
    except DefinitionError as wrong:
        return str(wrong)
    return None


def _validate(parameters: Data) -> Data:
    wrong = definition_error(parameters.get("definition") or "")
    found = [{"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED", "message": wrong}] if wrong else []
    return {"result": "FAIL" if wrong else "OK", "diagnostics": found}


def _checked_input(name: str, text: str) -> Any:
    """The parsed input. Raises StatesError when the name or the input is refused."""
    if not _NAME.match(name):
        raise StatesError("InvalidName", f"Invalid Name: '{name}'")
    if len(text.encode()) > MAX_INPUT_BYTES:
        raise StatesError("ValidationException", f"input is longer than {MAX_INPUT_BYTES} bytes")
    try:
        return json.loads(text)
    except ValueError as error:
        raise StatesError(
            "InvalidExecutionInput", f"Invalid State Machine Execution Input: '{text[:200]}'"
        ) from error


def _without_payloads(event: Data) -> Data:
    return {
        key: {name: value for name, value in details.items() if name not in ("input", "output")}
        if key.endswith("EventDetails") and isinstance(details, dict)
        else details
        for key, details in event.items()
    }
