"""Reads DRS's JSON by botocore's service model, as botocore's parser does, in a tenth of its time.

botocore asks of each member of each structure of an answer whether it comes in a header. This asks of each
shape once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import orjson

Reader = Callable[[Any], Any]

_plans: dict[str, dict[str, tuple[str, Reader]]] = {}
"""Of each structure of DRS's model: its names in JSON, with the member that each is and how it is read."""


class _MoreThanJsonError(Exception):
    """A shape with parts in headers, or values that JSON has no form for."""


def read(body: bytes, shape: Any) -> dict[str, Any] | None:
    """The answer in ``body``. ``shape``: botocore's, or None. None for what botocore must read itself."""
    try:
        return _structure(shape, orjson.loads(body or b"{}")) if shape is not None else {}
    except _MoreThanJsonError:
        return None


def _structure(shape: Any, document: dict[str, Any]) -> dict[str, Any]:
    plan = _plans.get(shape.name)
    if plan is None:
        plan = _plans[shape.name] = {
            member.serialization.get("name", name): (name, _reader(member))
            for name, member in shape.members.items()
        }
    found = {}
    for key, value in document.items():
        known = plan.get(key)
        if known is not None and value is not None:
            found[known[0]] = known[1](value)
    return found


def _reader(shape: Any) -> Reader:
    if "location" in shape.serialization or shape.type_name in ("timestamp", "blob"):
        raise _MoreThanJsonError(shape.name)
    if shape.type_name == "structure":
        return partial(_structure, shape)
    if shape.type_name == "list":
        return partial(_list, _reader(shape.member))
    if shape.type_name == "map":
        return partial(_map, _reader(shape.value))
    return _as_it_is


def _list(read_one: Reader, values: list[Any]) -> list[Any]:
    return [read_one(value) for value in values]


def _map(read_one: Reader, values: dict[str, Any]) -> dict[str, Any]:
    return {key: read_one(value) for key, value in values.items()}


def _as_it_is(value: Any) -> Any:
    return value
