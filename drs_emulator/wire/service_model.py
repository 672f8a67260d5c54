"""DRS's own service model as botocore ships it: which request is which operation, and what is valid.

Requests must satisfy every constraint of the model (SDKs check only some before sending);
responses too, with the two known deviations of the real service.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import botocore.session
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from drs_emulator.contract import Request
from drs_emulator.errors import ValidationError

_DATETIME_SHAPE = "ISO8601DatetimeString"
_UNMODELLED_VALUES = {"JobLogEvent": frozenset({"LAUNCH_END"})}
"""Values real responses carry that the model lacks (observed in the field)."""
_LONGEST = {"EbsVolumeID": 21}
"""Lengths the model gets wrong: its own pattern for volume ids allows ``vol-`` and 17 digits."""
_DURATIONS = frozenset({"lagDuration", "elapsedReplicationDuration"})
"""Durations that the model types as times on recovery instances, though it describes them as durations."""

Problem = tuple[str, str]
"""Path of a member, and what is wrong with it."""


@lru_cache(maxsize=1)
def service_model() -> ServiceModel:
    """The model of DRS, loaded once."""
    return botocore.session.get_session().get_service_model("drs")


@dataclass(frozen=True, slots=True)
class _Route:
    method: str
    pattern: re.Pattern[str]
    operation: str


@lru_cache(maxsize=1)
def _routes() -> tuple[_Route, ...]:
    routes = []
    for name in service_model().operation_names:
        http = service_model().operation_model(name).http
        pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(http["requestUri"]))
        routes.append(_Route(http["method"], re.compile(pattern), name))
    return tuple(routes)


def route(method: str, path: str) -> tuple[str, dict[str, str]]:
    """The operation of a request line and its path parameters.

    Raises ValidationError with reason ``unknownOperation`` for anything else.
    """
    for candidate in _routes():
        if candidate.method == method.upper() and (found := candidate.pattern.fullmatch(path)):
            return candidate.operation, {key: unquote(value) for key, value in found.groupdict().items()}
    raise ValidationError(f"DRS has no operation {method} {path}", reason="unknownOperation")


@lru_cache(maxsize=256)
def operation_model(name: str) -> OperationModel:
    """The model of one operation."""
    return service_model().operation_model(name)


@lru_cache(maxsize=256)
def can_raise(operation: str, code: str) -> bool:
    """Whether the model of ``operation`` lists the exception ``code``."""
    return code in {shape.name for shape in operation_model(operation).error_shapes}


def input_members(operation: str) -> list[str]:
    """Names of the members of an operation's request."""
    shape = operation_model(operation).input_shape
    return list(shape.members) if shape else []


def values_of(shape_name: str) -> list[str]:
    """The values of an enumeration of the model."""
    return list(service_model().shape_for(shape_name).metadata.get("enum", []))


def without_nulls(value: Any) -> Any:
    """A copy without members that are null: on the wire they mean absent."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def query_parameters(request: Request, shape: StructureShape) -> dict[str, Any]:
    """The members of ``shape`` that travel in the query string, lists as lists."""
    found: dict[str, Any] = {}
    for name, member in shape.members.items():
        if member.serialization.get("location") != "querystring":
            continue
        raw = request.query.get(member.serialization.get("name", name))
        if raw is None:
            continue
        values = [raw] if isinstance(raw, str) else list(raw)
        if member.type_name == "list":
            found[name] = values
        elif member.type_name in ("integer", "long"):
            found[name] = int(values[0]) if values[0].lstrip("-").isdigit() else values[0]
        else:
            found[name] = values[0]
    return found


def request_problems(operation: str, params: dict[str, Any]) -> list[Problem]:
    """What is wrong with the parameters of a request; unknown members are ignored, as AWS does."""
    shape = operation_model(operation).input_shape
    return _Checker(strict=False).check(params, shape) if shape else []


def response_problems(operation: str, body: dict[str, Any]) -> list[Problem]:
    """What is wrong with a response body; a member the model does not know counts."""
    shape = operation_model(operation).output_shape
    if shape is None:
        return [("", "the operation has no output")] if body else []
    return _Checker(strict=True).check(body, shape)


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


class _Checker:
    def __init__(self, *, strict: bool) -> None:
        self._strict = strict
        self._problems: list[Problem] = []

    def check(self, value: Any, shape: Shape) -> list[Problem]:
        self._any(value, shape, "")
        return self._problems

    def _problem(self, path: str, text: str) -> None:
        self._problems.append((path.lstrip("."), text))

    def _any(self, value: Any, shape: Shape, path: str) -> None:
        if isinstance(shape, StructureShape):
            self._structure(value, shape, path)
        elif isinstance(shape, ListShape):
            self._list(value, shape, path)
        elif isinstance(shape, MapShape):
            self._map(value, shape, path)
        elif shape.type_name == "string":
            self._string(value, shape, path)
        elif shape.type_name == "boolean":
            if not isinstance(value, bool):
                self._problem(path, "Member must be a boolean")
        elif isinstance(value, bool) or not isinstance(value, int):
            self._problem(path, "Member must be an integer")
        else:
            self._range(value, shape, path, "value")

    def _structure(self, value: Any, shape: StructureShape, path: str) -> None:
        if not isinstance(value, dict):
            self._problem(path, "Member must be a structure")
            return
        for name in shape.required_members:
            if name not in value:
                self._problem(f"{path}.{name}", "Member must not be null")
        for name, item in value.items():
            member = shape.members.get(name)
            if member is not None:
                self._any(item, member, f"{path}.{name}")
            elif self._strict:
                self._problem(f"{path}.{name}", "Member is not in the service model")

    def _list(self, value: Any, shape: ListShape, path: str) -> None:
        if not isinstance(value, list):
            self._problem(path, "Member must be a list")
            return
        self._range(len(value), shape, path, "length")
        for index, item in enumerate(value):
            self._any(item, shape.member, f"{path}.{index + 1}.member")

    def _map(self, value: Any, shape: MapShape, path: str) -> None:
        if not isinstance(value, dict):
            self._problem(path, "Member must be a map")
            return
        self._range(len(value), shape, path, "length")
        for key, item in value.items():
            self._any(key, shape.key, f"{path}.{key}.key")
            self._any(item, shape.value, f"{path}.{key}")

    def _string(self, value: Any, shape: Shape, path: str) -> None:
        if not isinstance(value, str):
            self._problem(path, "Member must be a string")
            return
        if self._strict and path.rpartition(".")[2] in _DURATIONS and value.startswith("P"):
            return
        self._range(len(value), shape, path, "length")
        allowed = shape.metadata.get("enum")
        if allowed and value not in allowed and not self._is_known_deviation(value, shape):
            self._problem(path, f"Member must satisfy enum value set: [{', '.join(allowed)}]")
        pattern = shape.metadata.get("pattern")
        if pattern and not _compiled(pattern).fullmatch(self._as_modelled(value, shape)):
            self._problem(path, f"Member must satisfy regular expression pattern: {pattern}")

    def _is_known_deviation(self, value: str, shape: Shape) -> bool:
        return self._strict and value in _UNMODELLED_VALUES.get(shape.name, frozenset())

    def _as_modelled(self, value: str, shape: Shape) -> str:
        """Responses carry ``+00:00`` where the model says ``Z`` (observed); requests must follow it."""
        if self._strict and shape.name == _DATETIME_SHAPE:
            return value.removesuffix("+00:00") + ("Z" if value.endswith("+00:00") else "")
        return value

    def _range(self, size: int, shape: Shape, path: str, what: str) -> None:
        smallest = shape.metadata.get("min")
        largest = _LONGEST.get(shape.name, shape.metadata.get("max"))
        if smallest is not None and size < smallest:
            self._problem(path, f"Member must have {what} greater than or equal to {smallest}")
        if largest is not None and size > largest:
            self._problem(path, f"Member must have {what} less than or equal to {largest}")
