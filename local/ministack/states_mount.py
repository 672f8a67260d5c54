"""Mounts ``local.states.api`` in MiniStack, which keeps state machines, versions, aliases and tags.

The operations of executions are answered by the API; StartExecution reaches it from EventBridge and Pipes as
well. CreateStateMachine and UpdateStateMachine refuse definitions that do not parse.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ministack.core import responses
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import eventbridge
from ministack.services import stepfunctions as sfn

from drs_emulator.clock import Clock
from local.ministack import hooks
from local.states.api import StatesApi, definition_error
from local.states.errors import StatesError
from local.states.orders import Machine
from local.states.records import Record
from local.states.times import iso

Data = dict[str, Any]
Response = tuple[int, dict[str, str], bytes]
Operation = Callable[[Data], Response]

_SFN = "ministack.services.stepfunctions"
_OPERATIONS = {
    "_start_execution": "StartExecution",
    "_start_sync_execution": "StartSyncExecution",
    "_stop_execution": "StopExecution",
    "_describe_execution": "DescribeExecution",
    "_list_executions": "ListExecutions",
    "_get_execution_history": "GetExecutionHistory",
    "_send_task_success": "SendTaskSuccess",
    "_send_task_failure": "SendTaskFailure",
    "_send_task_heartbeat": "SendTaskHeartbeat",
    "_list_map_runs": "ListMapRuns",
    "_describe_map_run": "DescribeMapRun",
    "_validate_state_machine_definition": "ValidateStateMachineDefinition",
}
_FOR_EXECUTION = ("stateMachineArn", "name", "definition", "roleArn", "encryptionConfiguration")


class StatesMount:
    """The API of one process; ``install`` puts it in place of MiniStack's own engine."""

    def __init__(self, clock: Clock) -> None:
        self.api = StatesApi(clock, self)
        self._clock = clock
        self._shipped: dict[str, Any] = {}

    def install(self) -> None:
        for name, operation in _OPERATIONS.items():
            self._replace(name, self._answering(operation))
        self._replace("_describe_state_machine_for_execution", self._machine_of_execution)
        self._replace("_create_state_machine", self._checked("_create_state_machine"))
        self._replace("_update_state_machine", self._checked("_update_state_machine"))
        self._replace("_delete_state_machine", self._delete_machine)
        self._replace("reset", self._reset)
        self._replace("now_iso", lambda: iso(self._clock.now()))
        self._replace("handle_request", self._handle)

    # --- the host of the API ---------------------------------------------------------------------------

    def machine(self, arn: str) -> Machine | None:
        """The machine, version or alias, in the caller's account and Region."""
        asked = arn.split("#")[0]
        known = sfn._resolve_state_machine_arn(asked)
        if known is None:
            return None
        record, version = sfn._state_machines[known], sfn._execution_version_arn(asked)
        source = sfn._state_machine_versions.get(version) or record
        return Machine(
            arn=known,
            name=record["name"],
            definition=str(source["definition"]),
            role_arn=str(source["roleArn"]),
            type=record.get("type", "STANDARD"),
            version_arn=version,
            alias_arn=asked if asked in sfn._state_machine_aliases else None,
        )

    def begin(self, record: Record, start: Callable[[], None]) -> None:
        start()

    def publish(self, record: Record, event: Data) -> None:
        """Puts the event on the default bus of the execution's account and Region."""
        entry = {
            "Source": event["source"],
            "DetailType": event["detail-type"],
            "Detail": json.dumps(event["detail"]),
            "Resources": event["resources"],
        }
        machine = record.started_from
        with request_scope(machine.account, machine.region):
            eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)

    # --- what stands in MiniStack ----------------------------------------------------------------------

    def _replace(self, name: str, replacement: Any) -> None:
        self._shipped[name] = hooks.replace(_SFN, name, replacement)

    def _answering(self, operation: str) -> Operation:
        return lambda data: self._answer(operation, data)

    def _answer(self, operation: str, data: Data) -> Response:
        try:
            return _json(self.api.call(operation, data, (get_account_id(), get_region())))
        except StatesError as error:
            return _error(error.code, str(error))

    async def _handle(
        self, method: str, path: str, headers: Data, body: bytes, query_params: Data
    ) -> Response:
        if headers.get("x-amz-target", "").endswith(".RedriveExecution"):
            return self._answer("RedriveExecution", json.loads(body or b"{}"))
        answer: Response = await self._shipped["handle_request"](method, path, headers, body, query_params)
        return answer

    def _machine_of_execution(self, data: Data) -> Response:
        """DescribeStateMachineForExecution."""
        try:
            record = self.api.record(data.get("executionArn"))
        except StatesError as error:
            return _error(error.code, str(error))
        found = sfn._state_machines.get(record.machine_arn)
        if found is None:
            return _error("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{record.machine_arn}'")
        answer = {field: found[field] for field in _FOR_EXECUTION if field in found}
        return _json({**answer, "updateDate": found.get("creationDate")})

    def _checked(self, name: str) -> Operation:
        def operation(data: Data) -> Response:
            wrong = definition_error(data["definition"]) if data.get("definition") else None
            if wrong:
                return _error("InvalidDefinition", f"Invalid State Machine Definition: '{wrong}'")
            answer: Response = self._shipped[name](data)
            return answer

        return operation

    def _delete_machine(self, data: Data) -> Response:
        answer: Response = self._shipped["_delete_state_machine"](data)
        if answer[0] == 200:
            self.api.forget(lambda record: record.machine_arn == data.get("stateMachineArn"))
        return answer

    def _reset(self) -> None:
        self._shipped["reset"]()
        self.api.forget()


def _json(data: Data) -> Response:
    answer: Response = responses.json_response(data)
    return answer


def _error(code: str, message: str) -> Response:
    answer: Response = responses.error_response_json(code, message, 400)
    return answer
