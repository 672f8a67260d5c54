"""Task tokens and map runs: operations on what the interpreter's executions hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

from local.states.errors import StatesError, TaskDoesNotExistError, TaskTimedOutError
from local.states.execution import AslExecution
from local.states.records import Record

Data = dict[str, Any]


class Tasks:
    """Operations on the tasks and map runs of ``records``, by execution ARN. All raise StatesError."""

    def __init__(self, records: Mapping[str, Record]) -> None:
        self._records = records

    def succeeded(self, parameters: Data) -> Data:
        """SendTaskSuccess."""
        output = parameters.get("output", "")
        try:
            json.loads(output)
        except ValueError as error:
            raise StatesError("InvalidOutput", "Invalid output: it is not JSON") from error
        return self._notify(lambda execution, token: execution.send_task_success(token, output), parameters)

    def failed(self, parameters: Data) -> Data:
        """SendTaskFailure."""
        name, cause = parameters.get("error"), parameters.get("cause")
        return self._notify(
            lambda execution, token: execution.send_task_failure(token, name, cause), parameters
        )

    def heartbeat(self, parameters: Data) -> Data:
        """SendTaskHeartbeat."""
        return self._notify(AslExecution.send_task_heartbeat, parameters)

    def _notify(self, send: Callable[[AslExecution, str], bool], parameters: Data) -> Data:
        token = str(parameters.get("taskToken"))
        try:
            if any(send(record.execution, token) for record in list(self._records.values())):
                return {}
        except TaskTimedOutError as error:
            raise StatesError("TaskTimedOut", str(error)) from error
        except TaskDoesNotExistError as error:
            raise StatesError("TaskDoesNotExist", str(error)) from error
        raise StatesError("TaskDoesNotExist", "Task does not exist: no execution has this token")

    def list_map_runs(self, parameters: Data) -> Data:
        """ListMapRuns."""
        arn = str(parameters.get("executionArn"))
        if arn not in self._records:
            raise StatesError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        found = [item.list_item() for item in self._records[arn].execution.map_runs()]
        return {"mapRuns": json.loads(to_json_str(found))}

    def describe_map_run(self, parameters: Data) -> Data:
        """DescribeMapRun."""
        asked = parameters.get("mapRunArn")
        for record in list(self._records.values()):
            for found in record.execution.map_runs():
                described: Data = found.describe()
                if described["mapRunArn"] == asked:
                    answer: Data = json.loads(to_json_str(described))
                    return answer
        raise StatesError("ResourceNotFound", f"Map Run Does Not Exist: '{asked}'")
