"""The Step Functions API where MiniStack's own engine differs from AWS, on top of ``local.states``.

MiniStack keeps the records and answers everything else (tags, versions, aliases, lists, TestState). What is
here: StartExecution (name, size and input checks, idempotency, versions), StopExecution with the children of
``.sync`` tasks, DescribeExecution and GetExecutionHistory, RedriveExecution, task tokens, map runs and
validation of definitions. Dates and event times are simulated.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from ministack.services import stepfunctions as sfn

from drs_emulator.clock import Clock
from local.ministack import hooks
from local.ministack import states_records as records
from local.ministack.states_events import REDRIVABLE, emit, redrive_fields
from local.ministack.states_run import Order, Run, iso, resume_point
from local.ministack.states_tasks import Data, Response, Tasks, error, json_answer
from local.states import DefinitionError, check

log = logging.getLogger("local.states")

MAX_INPUT_BYTES = 262_144
"""Input or output of an execution, a state or a task (Step Functions developer guide, quotas)."""
_NAME = re.compile(r"^[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}$")
_SFN = "ministack.services.stepfunctions"


class StatesApi:
    """The replaced operations. ``install`` puts them in place; one per process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._runs: dict[str, Run] = {}
        self._tasks = Tasks(self.runs)
        self._original: dict[str, Callable[[Data], Response]] = {}
        self._original_handle: Any = None

    def install(self) -> None:
        mine: dict[str, Callable[[Data], Response]] = {
            "_start_execution": self._start,
            "_stop_execution": self._stop,
            "_describe_execution": self._describe,
            "_get_execution_history": self._history,
            "_send_task_success": self._tasks.succeeded,
            "_send_task_failure": self._tasks.failed,
            "_send_task_heartbeat": self._tasks.heartbeat,
            "_list_map_runs": self._tasks.list_map_runs,
            "_describe_map_run": self._tasks.describe_map_run,
            "_create_state_machine": self._create_machine,
            "_update_state_machine": self._update_machine,
            "_validate_state_machine_definition": self._validate,
        }
        for name, operation in mine.items():
            self._original[name] = hooks.replace(_SFN, name, operation)
        hooks.replace(_SFN, "_run_execution", self._run)
        hooks.replace(_SFN, "_emit_execution_status_event", emit)
        hooks.replace(_SFN, "now_iso", lambda: iso(self._clock.now()))
        self._original_handle = hooks.replace(_SFN, "handle_request", self._handle)

    def runs(self) -> dict[str, Run]:
        """Every execution since the start, by ARN: its last attempt."""
        return dict(self._runs)

    # --- running ---------------------------------------------------------------------------------------

    def _run(self, arn: str) -> None:
        """Run an execution to its end (StartSyncExecution)."""
        record = records.execution(arn)
        if record is not None:
            self._begin(record).ended.wait()

    def _begin(self, record: records.Record, before: tuple[Data, ...] = (), **more: Any) -> Run:
        arn = record["executionArn"]
        run = self._runs[arn] = Run(self._order(record, **more), self._end, before)
        run.start()
        return run

    def _end(self, run: Run) -> None:
        """Record how an attempt ended, unless it was stopped or redriven meanwhile."""
        arn, execution = run.order.execution_arn, run.execution
        with records.in_scope_of(arn):
            record = records.execution(arn)
            if record is None or record["status"] != "RUNNING" or self._runs.get(arn) is not run:
                return
            record["events"] = run.history()
            record["stopDate"] = iso(self._clock.now())
            found = {"output": execution.output_json, "error": execution.error, "cause": execution.cause}
            record.update({field: value for field, value in found.items() if value is not None})
            record["status"] = execution.status
            emit(record)

    def _order(self, record: records.Record, **more: Any) -> Order:
        arn = record["executionArn"]
        machine = records.machine(record["stateMachineArn"]) or {}
        account, region = records.scope()
        return Order(
            execution_arn=arn,
            name=record["name"],
            machine_arn=record["stateMachineArn"],
            machine_name=machine["name"],
            machine_type=machine.get("type", "STANDARD"),
            role_arn=records.role_of(record),
            definition=records.definition_of(record),
            input=record["input"],
            account=account,
            region=region,
            **more,
        )

    # --- the operations --------------------------------------------------------------------------------

    async def _handle(
        self, method: str, path: str, headers: Data, body: bytes, query_params: Data
    ) -> Response:
        if headers.get("x-amz-target", "").endswith(".RedriveExecution"):
            return self._redrive(json.loads(body or b"{}"))
        answer: Response = await self._original_handle(method, path, headers, body, query_params)
        return answer

    def _start(self, data: Data) -> Response:
        asked = str(data.get("stateMachineArn", "")).split("#")[0]
        machine_arn = sfn._resolve_state_machine_arn(asked)
        if machine_arn is None:
            return error("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{asked}'")
        name, text = data.get("name") or str(uuid4()), data.get("input") or "{}"
        if not _NAME.match(name):
            return error("InvalidName", f"Invalid Name: '{name}'")
        if len(text.encode()) > MAX_INPUT_BYTES:
            return error("ValidationException", f"input is longer than {MAX_INPUT_BYTES} bytes")
        try:
            value = json.loads(text)
        except ValueError:
            return error("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{text[:200]}'")
        arn = f"{machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
        known = records.execution(arn)
        if known is not None:
            # The same name and input is the same execution while it runs (StartExecution API reference).
            if known["status"] == "RUNNING" and json.loads(known["input"]) == value:
                return json_answer({"executionArn": arn, "startDate": known["startDate"]})
            return error("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")
        started = iso(self._clock.now())
        record = {
            "executionArn": arn,
            "stateMachineArn": machine_arn,
            "name": name,
            "status": "RUNNING",
            "startDate": started,
            "stopDate": None,
            "input": text,
            "inputDetails": {"included": True},
            "output": None,
            "outputDetails": {"included": True},
            "events": [],
        }
        version = sfn._execution_version_arn(asked)
        if version:
            record["stateMachineVersionArn"] = version
        if asked in sfn._state_machine_aliases:
            record["stateMachineAliasArn"] = asked
        sfn._executions[arn] = record
        emit(record)
        self._begin(record)
        return json_answer({"executionArn": arn, "startDate": started})

    def _stop(self, data: Data) -> Response:
        arn = str(data.get("executionArn"))
        record = records.execution(arn)
        if record is None:
            return error("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        if record["status"] != "RUNNING":
            # AWS accepts it and answers the date it stopped.
            return json_answer({"stopDate": record["stopDate"]})
        now = self._clock.now()
        record.update(status="ABORTED", stopDate=iso(now), error=data.get("error"), cause=data.get("cause"))
        run = self._runs.get(arn)
        if run is not None:
            run.stop(now, data.get("error"), data.get("cause"))
            record["events"] = run.history()
        emit(record)
        return json_answer({"stopDate": record["stopDate"]})

    def _describe(self, data: Data) -> Response:
        status, headers, body = self._original["_describe_execution"](data)
        record = records.execution(str(data.get("executionArn")))
        if record is None:
            return status, headers, body
        answer = {**json.loads(body), **redrive_fields(record)}
        for field in ("stateMachineVersionArn", "stateMachineAliasArn"):
            if record.get(field):
                answer[field] = record[field]
        if record["status"] != "SUCCEEDED":
            answer.pop("output", None)
            answer.pop("outputDetails", None)
        if answer.get("stopDate") is None:
            answer.pop("stopDate", None)
        return json_answer(answer)

    def _history(self, data: Data) -> Response:
        arn = str(data.get("executionArn"))
        record, run = records.execution(arn), self._runs.get(arn)
        if record is not None and run is not None and record["status"] == "RUNNING":
            record["events"] = run.history()
        return self._original["_get_execution_history"](data)

    def _redrive(self, data: Data) -> Response:
        arn = str(data.get("executionArn"))
        record, run = records.execution(arn), self._runs.get(arn)
        if record is None or run is None:
            return error("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        if record["status"] not in REDRIVABLE:
            return error(
                "ExecutionNotRedrivable", f"Execution is {record['status']} and cannot be redriven: '{arn}'"
            )
        events = run.history()
        point = resume_point(events, json.loads(records.definition_of(record)))
        count, at = record.get("redriveCount", 0) + 1, iso(self._clock.now())
        redriven = {
            "id": len(events) + 1,
            "previousEventId": len(events),
            "type": "ExecutionRedriven",
            "timestamp": at,
            "executionRedrivenEventDetails": {"redriveCount": count},
        }
        record.update(status="RUNNING", stopDate=None, redriveCount=count, redriveDate=at)
        record.pop("error", None)
        record.pop("cause", None)
        emit(record)
        self._begin(record, (*events, redriven), redrive_count=count, resume=point)
        return json_answer({"redriveDate": self._clock.now().timestamp()})

    # --- definitions -----------------------------------------------------------------------------------

    def _create_machine(self, data: Data) -> Response:
        return self._checked("_create_state_machine", data)

    def _update_machine(self, data: Data) -> Response:
        return self._checked("_update_state_machine", data)

    def _checked(self, operation: str, data: Data) -> Response:
        wrong = definition_error(data["definition"]) if data.get("definition") else None
        if wrong:
            return error("InvalidDefinition", f"Invalid State Machine Definition: '{wrong}'")
        return self._original[operation](data)

    def _validate(self, data: Data) -> Response:
        wrong = definition_error(data.get("definition") or "")
        found = [{"severity": "ERROR", "code": "SCHEMA_VALIDATION_FAILED", "message": wrong}] if wrong else []
        return json_answer({"result": "FAIL" if wrong else "OK", "diagnostics": found})


def definition_error(text: str) -> str | None:
    """What is wrong with a definition (ASL as JSON text), or None."""
    try:
        check(text)
    except DefinitionError as wrong:
        return str(wrong)
    return None
