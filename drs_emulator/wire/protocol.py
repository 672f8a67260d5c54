"""REST-JSON in and out: a request becomes an operation with checked parameters, a result a response."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import Any

import orjson

from drs_emulator.contract import Request, Response
from drs_emulator.errors import DrsError, InternalServerError, ValidationError
from drs_emulator.wire import service_model

log = logging.getLogger(__name__)

_EMPTY_CLEARS = "launchIntoInstanceProperties.launchIntoEC2InstanceID"


@dataclass(frozen=True, slots=True)
class Invocation:
    """An operation and its parameters, without nulls, valid against the model."""

    operation: str
    params: dict[str, Any]


def parse(request: Request, operation: str, path_params: dict[str, str], *, empty_clears: bool) -> Invocation:
    """The parameters of ``operation`` out of body, query and path; ValidationError lists all that is wrong.

    ``empty_clears`` lets an empty launchIntoEC2InstanceID pass its own pattern (a setting).
    """
    params: dict[str, Any] = {**_body(request), **path_params}
    shape = service_model.operation_model(operation).input_shape
    if shape is not None:
        params.update(service_model.query_parameters(request, shape))
    params = service_model.without_nulls(params)
    problems = service_model.request_problems(operation, params)
    if empty_clears and params.get("launchIntoInstanceProperties") == {"launchIntoEC2InstanceID": ""}:
        problems = [problem for problem in problems if problem[0] != _EMPTY_CLEARS]
    if problems:
        raise ValidationError(_summary(problems), fields=problems)
    return Invocation(operation, params)


def _body(request: Request) -> dict[str, Any]:
    if not request.body.strip():
        return {}
    try:
        body = json.loads(request.body)
    except ValueError as error:
        raise ValidationError("The request body is not valid JSON", reason="cannotParse") from error
    if not isinstance(body, dict):
        raise ValidationError("The request body is not a JSON object", reason="cannotParse")
    return body


def _summary(problems: list[service_model.Problem]) -> str:
    count = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected"
    details = "; ".join(f"Value at '{path}' failed to satisfy constraint: {text}" for path, text in problems)
    return f"{count}: {details}"


def success(operation: str, result: dict[str, Any], request_id: str) -> Response:
    """The response of a served operation; InternalServerError if the result does not fit the model."""
    problems = service_model.response_problems(operation, result)
    if problems:
        details = "; ".join(f"{path}: {text}" for path, text in problems[:5])
        log.error("the emulator's answer to %s does not fit the service model: %s", operation, details)
        raise InternalServerError(f"The emulator's answer does not fit the service model: {details}")
    status = int(service_model.operation_model(operation).http["responseCode"])
    body = b"" if status == 204 else orjson.dumps(result)
    return Response(status, _headers(request_id), body)


def failure(error: DrsError, request_id: str) -> Response:
    """The response of an error, with the header that SDKs take the error's name from."""
    headers = {**_headers(request_id), "x-amzn-errortype": error.code, **error.headers}
    return Response(error.status, headers, json.dumps(error.members).encode())


def _headers(request_id: str) -> dict[str, str]:
    return {"Content-Type": "application/json", "x-amzn-requestid": request_id}
