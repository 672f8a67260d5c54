"""Most calls of a virtual cloud without signing, HTTP objects and botocore's walk through each answer.

A failover of 1,000 servers makes 20,000 calls to DynamoDB, EC2 and DRS, and all of that took longer than
answering them. So their answers are taken before botocore makes the request, and those of DynamoDB, most of
all, before it has looked for an endpoint. Only good answers: any other, and one with binary values, goes
botocore's whole way, for its errors and its retries.
"""

from __future__ import annotations

import copy
import marshal
from collections.abc import Callable, Mapping, MutableSequence
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import orjson
from boto3.dynamodb.types import DYNAMODB_CONTEXT, TypeDeserializer
from botocore.client import BaseClient
from botocore.validate import ParamValidator

from local.shortcuts import ENABLED, json_answers, xml_answers
from local.wire import Answer, Call

SERVICES = ("dynamodb", "drs", "ec2") if ENABLED else ()
_BINARY = (b'"B":', b'"BS":', b'"B" :', b'"BS" :')
_TABLES = ("Table", "Backup", "Stream", "Import", "Export")
"""What the names of operations have in them whose answers hold timestamps."""
_VALIDATOR = ParamValidator()
_VALID: set[tuple[Any, ...]] = set()

Parsed = tuple[Any, dict[str, Any]]


def call_of(
    event_name: str, request: Mapping[str, Any], signer: Any, account_of: Callable[[str], str]
) -> Call:
    """The call that ``request`` (botocore's, not yet signed) would go out as."""
    _, service, operation = event_name.split(".", 2)
    key, region = signer._credentials.get_frozen_credentials().access_key, signer.region_name
    url = urlsplit(request["url"])
    body = request["body"]
    if isinstance(body, dict):
        body = urlencode(body, doseq=True)
    headers = {name.lower(): str(value) for name, value in request["headers"].items()}
    credential = f"Credential={key}/20300101/{region}/{service}/aws4_request"
    return Call(
        service=service,
        operation=operation,
        account=account_of(key),
        region=region,
        access_key_id=key,
        method=request["method"],
        path=unquote(url.path or "/"),
        query=parse_qs(url.query, keep_blank_values=True),
        headers={"host": url.netloc, **headers, "authorization": f"AWS4-HMAC-SHA256 {credential}"},
        body=body.encode() if isinstance(body, str) else bytes(body or b""),
    )


def copied_parameters(params: Any, **kwargs: Any) -> Any:
    """What boto3 may write into: a copy to the bottom."""
    try:
        return marshal.loads(marshal.dumps(params))  # noqa: S302 - it was written just now
    except ValueError:
        return copy.deepcopy(params)


def dynamodb_call(
    client: BaseClient, operation: str, parameters: Mapping[str, Any], account_of: Callable[[str], str]
) -> Call | None:
    """The call that ``client`` would make with these parameters; None where botocore has to see to it."""
    shape = client.meta.service_model.operation_model(operation).input_shape
    if shape is None or not _is_valid(operation, parameters, shape):
        return None
    try:
        body = orjson.dumps(parameters)
    except TypeError:  # binary values
        return None
    signer, region = client._request_signer, client.meta.region_name  # type: ignore[attr-defined]
    key = signer._credentials.get_frozen_credentials().access_key
    credential = f"Credential={key}/20300101/{region}/dynamodb/aws4_request"
    return Call(
        service="dynamodb",
        operation=operation,
        account=account_of(key),
        region=region,
        access_key_id=key,
        method="POST",
        path="/",
        query={},
        headers={
            "host": f"dynamodb.{region}.amazonaws.com",
            "x-amz-target": f"DynamoDB_20120810.{operation}",
            "content-type": "application/x-amz-json-1.0",
            "authorization": f"AWS4-HMAC-SHA256 {credential}",
        },
        body=body,
    )


def _is_valid(operation: str, parameters: Mapping[str, Any], shape: Any) -> bool:
    """Whether botocore finds no fault. Reads of the same form are all alike: one of each is looked at."""
    form = (operation, *((name, type(value)) for name, value in parameters.items()))
    if form in _VALID:
        return True
    valid = not _VALIDATOR.validate(parameters, shape).has_errors()
    if valid and operation in ("Query", "GetItem"):
        _VALID.add(form)
    return valid


def quick_deserialize(self: TypeDeserializer, value: Mapping[str, Any]) -> Any:
    """What boto3 makes of a value of DynamoDB, in a third of its time."""
    for kind, inner in value.items():
        if kind in ("S", "BOOL"):
            return inner
        if kind == "N":
            return DYNAMODB_CONTEXT.create_decimal(inner)
        if kind == "M":
            return {name: quick_deserialize(self, one) for name, one in inner.items()}
        if kind == "L":
            return [quick_deserialize(self, one) for one in inner]
    return whole_deserialize(self, value)  # what is rare, and what is wrong


whole_deserialize: Any = TypeDeserializer.deserialize


def quick_transform(
    self: Any, params: Any, model: Any, transformation: Callable[[Any], Any], target_shape: str
) -> None:
    """boto3's walk through parameters and answers, without the members that cannot hold the shape."""
    if _can_be_in(model, target_shape):
        _transform(params, model, transformation, target_shape)


def _transform(params: Any, model: Any, transformation: Callable[[Any], Any], target: str) -> None:
    kind = model.type_name
    if kind == "structure" and isinstance(params, Mapping):
        members = model.members
        for name in params:
            if name in members and _can_be_in(members[name], target):
                _replace(params, name, members[name], transformation, target)
    elif kind == "map" and isinstance(params, Mapping):
        for name in params:
            _replace(params, name, model.value, transformation, target)
    elif kind == "list" and isinstance(params, MutableSequence):
        for position in range(len(params)):
            _replace(params, position, model.member, transformation, target)


def _replace(params: Any, key: Any, model: Any, transformation: Callable[[Any], Any], target: str) -> None:
    if model.name == target:
        params[key] = transformation(params[key])
    else:
        _transform(params[key], model, transformation, target)


_KEPT: dict[tuple[str, str], bool] = {}


def _can_be_in(model: Any, target: str) -> bool:
    """Whether ``model`` is the shape, or can hold it."""
    key = (model.name, target)
    if key not in _KEPT:
        _KEPT[key] = model.name == target  # what holds itself is not asked again
        _KEPT[key] = model.name == target or any(_can_be_in(one, target) for one in _inner(model))
    return _KEPT[key]


def _inner(model: Any) -> list[Any]:
    if model.type_name == "structure":
        return list(model.members.values())
    return {"map": lambda: [model.value], "list": lambda: [model.member]}.get(model.type_name, list)()


def parsed(call: Call, answer: Answer, model: Any) -> Parsed | None:
    """What botocore makes of a good answer, the HTTP response and the parsed one; None if it must do so."""
    if answer.status != 200:
        return None
    http = SimpleNamespace(status_code=answer.status, headers=answer.headers)
    metadata = {
        "RequestId": answer.headers.get("x-amzn-requestid", ""),
        "HTTPStatusCode": answer.status,
        "HTTPHeaders": dict(answer.headers),
        "RetryAttempts": 0,
    }
    if call.service == "dynamodb":
        if any(word in call.operation for word in _TABLES) or any(b in answer.body for b in _BINARY):
            return None
        return http, {**orjson.loads(answer.body or b"{}"), "ResponseMetadata": metadata}
    reader: Any = json_answers if call.service == "drs" else xml_answers
    result = reader.read(answer.body, model.output_shape)
    if result is None:
        return None
    return http, {**result, "ResponseMetadata": {**result.get("ResponseMetadata", {}), **metadata}}
