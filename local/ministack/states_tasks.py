"""Task tokens and map runs: what the interpreter's executions hold and MiniStack's records do not."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core import responses
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

from local.ministack.states_run import Run
from local.states import TaskDoesNotExistError, TaskTimedOutError

Response = tuple[int, dict[str, str], bytes]
Data = dict[str, Any]


class Tasks:
    """Operations on tasks and map runs of ``runs()``, all runs by execution ARN."""

    def __init__(self, runs: Callable[[], Mapping[str, Run]]) -> None:
        self._runs = runs

    def succeeded(self, data: Data) -> Response:
        try:
            json.loads(data.get("output", ""))
        except ValueError:
            return error("InvalidOutput", "Invalid output: it is not JSON")
        return self._tell(data, lambda run, token: run.execution.send_task_success(token, data["output"]))

    def failed(self, data: Data) -> Response:
        name, cause = data.get("error"), data.get("cause")
        return self._tell(data, lambda run, token: run.execution.send_task_failure(token, name, cause))

    def heartbeat(self, data: Data) -> Response:
        return self._tell(data, lambda run, token: run.execution.send_task_heartbeat(token))

    def _tell(self, data: Data, deliver: Callable[[Run, str], bool]) -> Response:
        token = str(data.get("taskToken"))
        for run in self._runs().values():
            try:
                if deliver(run, token):
                    return json_answer({})
            except TaskTimedOutError as late:
                return error("TaskTimedOut", str(late))
            except TaskDoesNotExistError as gone:
                return error("TaskDoesNotExist", str(gone))
        return error("TaskDoesNotExist", "Task Timed Out: 'Provided task does not exist anymore'")

    def list_map_runs(self, data: Data) -> Response:
        run = self._runs().get(str(data.get("executionArn")))
        if run is None:
            return error("ExecutionDoesNotExist", f"Execution Does Not Exist: '{data.get('executionArn')}'")
        found = [item.list_item() for item in run.execution.map_runs()]
        return json_answer({"mapRuns": json.loads(to_json_str(found))})

    def describe_map_run(self, data: Data) -> Response:
        for run in self._runs().values():
            for found in run.execution.map_runs():
                described = found.describe()
                if described["mapRunArn"] == data.get("mapRunArn"):
                    return json_answer(json.loads(to_json_str(described)))
        return error("ResourceNotFound", f"Map Run Does Not Exist: '{data.get('mapRunArn')}'")


def json_answer(data: Data) -> Response:
    """A response of the json protocol."""
    answer: Response = responses.json_response(data)
    return answer


def error(code: str, message: str) -> Response:
    """An error response of the json protocol."""
    answer: Response = responses.error_response_json(code, message, 400)
    return answer
