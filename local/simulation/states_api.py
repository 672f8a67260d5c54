"""The Step Functions API of a virtual cloud: the executions, and the calls that other code makes to them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local.ministack.states_run import begin_at, prepare, resume_point
from local.simulation.scheduler import Scheduler
from local.simulation.template import machine_of_arn
from local.states import AslExecution, TaskDoesNotExistError, TaskTimedOutError, check

REDRIVABLE = ("FAILED", "ABORTED", "TIMED_OUT")
PAYLOAD_BYTES = 262_144
"""The largest input of an execution (Step Functions quotas)."""


class StatesError(Exception):
    """An error of the Step Functions API; ``code`` is its name."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class Record:
    """One execution and its place: the machine's name, and the execution that started it."""

    execution: AslExecution
    machine: str
    parent: str | None
    children: list[str] = field(default_factory=list)
    redrives: int = 0
    before: list[dict[str, Any]] = field(default_factory=list)
    """The events of earlier attempts."""


class StatesApi:
    """Machines by name, executions by ARN. Operations take and return what their JSON has."""

    def __init__(
        self, scheduler: Scheduler, account: str, region: str, definition_of: Callable[[str], str | None]
    ) -> None:
        self._scheduler = scheduler
        self._account = account
        self._region = region
        self._definition_of = definition_of
        self.records: dict[str, Record] = {}
        self._names = 0

    def arn_of(self, machine: str) -> str:
        """A machine's ARN."""
        return f"arn:aws:states:{self._region}:{self._account}:stateMachine:{machine}"

    def call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """One operation. Raises StatesError."""
        operations: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "StartExecution": self._start_execution,
            "DescribeExecution": self._describe_execution,
            "StopExecution": self._stop_execution,
            "RedriveExecution": self._redrive_execution,
            "ListExecutions": self._list_executions,
            "GetExecutionHistory": self._get_execution_history,
            "SendTaskSuccess": self._send_task_success,
            "SendTaskFailure": self._send_task_failure,
            "SendTaskHeartbeat": self._send_task_heartbeat,
        }
        if operation not in operations:
            raise StatesError("NotImplementedError", f"the virtual cloud has no states:{operation}")
        return operations[operation](parameters)

    def start(self, machine: str, input_json: str, name: str) -> Record:
        """Starts an execution, or returns the running one of the same name and input.

        Raises StatesError StateMachineDoesNotExist, ExecutionAlreadyExists, InvalidExecutionInput.
        """
        arn = f"arn:aws:states:{self._region}:{self._account}:execution:{machine}:{name}"
        if (same := self.records.get(arn)) is not None:
            running = same.execution.status == "RUNNING"
            if running and json.loads(same.execution.input_json) == json.loads(input_json):
                return same
            raise StatesError("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")
        definition = self._definition_of(machine)
        if definition is None:
            raise StatesError(
                "StateMachineDoesNotExist", f"State Machine Does Not Exist: '{self.arn_of(machine)}'"
            )
        check(definition)
        _check_input(input_json)
        current = self._scheduler.current()
        parent = current.tag if current is not None else None
        execution = AslExecution(
            definition=definition,
            input_json=input_json,
            name=name,
            execution_arn=arn,
            state_machine_arn=self.arn_of(machine),
            state_machine_name=machine,
            role_arn=f"arn:aws:iam::{self._account}:role/{machine}",
            account=self._account,
            region=self._region,
        )
        record = Record(execution, machine, parent)
        self.records[arn] = record
        if parent is not None and parent in self.records:
            self.records[parent].children.append(arn)
        self._scheduler.spawn(execution.start, f"execution {name} of {machine}", tag=arn)
        return record

    def record(self, execution_arn: str) -> Record:
        """An execution. Raises StatesError ExecutionDoesNotExist."""
        if execution_arn not in self.records:
            raise StatesError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{execution_arn}'")
        return self.records[execution_arn]

    def _start_execution(self, parameters: dict[str, Any]) -> dict[str, Any]:
        machine = machine_of_arn(parameters["stateMachineArn"])
        self._names += 1
        name = parameters.get("name") or f"00000000-0000-4000-8000-{self._names:012d}"
        record = self.start(machine, parameters.get("input") or "{}", name)
        execution = record.execution
        return {"executionArn": execution.execution_arn, "startDate": execution.start_date.timestamp()}

    def _describe_execution(self, parameters: dict[str, Any]) -> dict[str, Any]:
        return _described(self.record(parameters["executionArn"]).execution)

    def _stop_execution(self, parameters: dict[str, Any]) -> dict[str, Any]:
        execution = self.record(parameters["executionArn"]).execution
        if execution.status == "RUNNING":
            execution.stop(parameters.get("error"), parameters.get("cause"))
        return {"stopDate": self._scheduler.clock.now().timestamp()}

    def _redrive_execution(self, parameters: dict[str, Any]) -> dict[str, Any]:
        arn = parameters["executionArn"]
        record = self.record(arn)
        ended = record.execution
        if ended.status not in REDRIVABLE:
            raise StatesError("ExecutionNotRedrivable", f"Execution is {ended.status}: '{arn}'")
        definition = json.loads(self._definition_of(record.machine) or "{}")
        record.before += ended.history()
        point = resume_point(record.before, definition)
        record.redrives += 1
        again = AslExecution(
            definition=json.dumps(begin_at(definition, point.state) if point else definition),
            input_json=point.input if point else ended.input_json,
            name=ended.name,
            execution_arn=arn,
            state_machine_arn=ended.state_machine_arn,
            state_machine_name=ended.state_machine_name,
            role_arn=f"arn:aws:iam::{self._account}:role/{record.machine}",
            account=self._account,
            region=self._region,
            redrive_count=record.redrives,
        )
        again.input_json = ended.input_json  # its own, not that of the state it goes on with
        prepare(again, point.variables if point else {}, again.input_json)
        record.execution = again
        self._scheduler.spawn(again.start, f"redrive of {ended.name} of {record.machine}", tag=arn)
        return {"redriveDate": self._scheduler.clock.now().timestamp()}

    def _list_executions(self, parameters: dict[str, Any]) -> dict[str, Any]:
        machine = machine_of_arn(parameters["stateMachineArn"])
        wanted = parameters.get("statusFilter")
        listed = [
            _described(record.execution)
            for record in reversed(self.records.values())
            if record.machine == machine and wanted in (None, record.execution.status)
        ]
        keys = ("executionArn", "stateMachineArn", "name", "status", "startDate", "stopDate")
        return {"executions": [{key: item[key] for key in keys if key in item} for item in listed]}

    def _get_execution_history(self, parameters: dict[str, Any]) -> dict[str, Any]:
        events = self.record(parameters["executionArn"]).execution.history()
        return {"events": list(reversed(events)) if parameters.get("reverseOrder") else events}

    def _send_task_success(self, parameters: dict[str, Any]) -> dict[str, Any]:
        return self._notify(
            lambda execution: execution.send_task_success(parameters["taskToken"], parameters["output"])
        )

    def _send_task_failure(self, parameters: dict[str, Any]) -> dict[str, Any]:
        return self._notify(
            lambda execution: execution.send_task_failure(
                parameters["taskToken"], parameters.get("error"), parameters.get("cause")
            )
        )

    def _send_task_heartbeat(self, parameters: dict[str, Any]) -> dict[str, Any]:
        return self._notify(lambda execution: execution.send_task_heartbeat(parameters["taskToken"]))

    def _notify(self, send: Callable[[AslExecution], bool]) -> dict[str, Any]:
        try:
            if any(send(record.execution) for record in list(self.records.values())):
                return {}
        except TaskTimedOutError as error:
            raise StatesError("TaskTimedOut", str(error)) from error
        except TaskDoesNotExistError as error:
            raise StatesError("TaskDoesNotExist", str(error)) from error
        except ValueError as error:
            raise StatesError("InvalidOutput", "Invalid output: not JSON") from error
        raise StatesError("InvalidToken", "Invalid Token: 'Invalid token'")


def _check_input(input_json: str) -> None:
    try:
        json.loads(input_json)
    except ValueError as error:
        raise StatesError(
            "InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'"
        ) from error
    if len(input_json.encode()) > PAYLOAD_BYTES:
        raise StatesError("ValidationException", f"input is longer than {PAYLOAD_BYTES} bytes")


def _described(execution: AslExecution) -> dict[str, Any]:
    described: dict[str, Any] = {
        "executionArn": execution.execution_arn,
        "stateMachineArn": execution.state_machine_arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": execution.start_date.timestamp(),
        "input": execution.input_json,
        "inputDetails": {"included": True},
        "redriveCount": 0,
        "redriveStatus": "NOT_REDRIVABLE",
    }
    if execution.status == "SUCCEEDED":
        described |= {"output": execution.output_json, "outputDetails": {"included": True}}
    if execution.stop_date is not None:
        described["stopDate"] = execution.stop_date.timestamp()
    for key, value in (("error", execution.error), ("cause", execution.cause)):
        if value is not None and execution.status != "RUNNING":
            described[key] = value
    return described
