"""Takes from MiniStack's DynamoDB what costs most in a virtual cloud, and is no part of any answer.

It reads each expression once instead of once per item that it is held against: these functions depend on the
text alone, and a failover of 100 servers holds 100,000 items against its expressions. It copies items, as it
does four times in each update, as the plain JSON that they are. And it reads and writes JSON with orjson.
"""

from __future__ import annotations

import copy
import inspect
import json
import marshal
from collections.abc import Callable
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import orjson

_PURE = {"_tokenize": ("expr",), "_condition_syntax_error": ("expr", "slot")}
_cached: set[str] = set()


class MiniStackChangedError(RuntimeError):
    """A function of MiniStack that is cached vanished or takes other parameters."""


def make_quick() -> None:
    """Once per process. Raises MiniStackChangedError."""
    from ministack.core import responses  # slow to import: only when a cloud is made
    from ministack.services import dynamodb

    quick_json = SimpleNamespace(
        dumps=_dumped, loads=orjson.loads, JSONDecodeError=json.JSONDecodeError, JSONEncoder=json.JSONEncoder
    )
    dynamodb.json = responses.json = quick_json
    if not hasattr(dynamodb._item_size_bytes, "quick"):
        dynamodb._item_size_bytes = _quick_size(dynamodb._attribute_value_size)
    dynamodb.copy = SimpleNamespace(deepcopy=_copied)
    for name, parameters in _PURE.items():
        if name in _cached:
            continue
        function = getattr(dynamodb, name, None)
        if function is None or tuple(inspect.signature(function).parameters) != parameters:
            raise MiniStackChangedError(f"ministack.services.dynamodb.{name}{parameters} is not there")
        wrap = _fresh_lists if name == "_tokenize" else _remembering
        setattr(dynamodb, name, wrap(function))
        _cached.add(name)


def _quick_size(size_of: Callable[[dict[str, Any]], int]) -> Callable[[Any], int]:
    """MiniStack's ``_item_size_bytes``, quick with texts, of which there are most."""

    def size(item: Any) -> int:
        if not isinstance(item, dict):
            return 0
        total = 0
        for name, value in item.items():
            text = value.get("S")
            total += len(name.encode()) + (size_of(value) if text is None else len(text.encode()))
        return total

    size.quick = True  # type: ignore[attr-defined]
    return size


def _dumped(value: Any, **options: Any) -> str:
    """What ``json.dumps`` gives, but for spaces."""
    if options.keys() <= {"ensure_ascii"}:
        try:
            return orjson.dumps(value).decode()
        except TypeError:
            pass
    return json.dumps(value, **options)


def _copied(value: Any) -> Any:
    """What ``copy.deepcopy`` gives, in a tenth of its time where the value is JSON."""
    try:
        return marshal.loads(marshal.dumps(value))  # noqa: S302  its own, of this very moment
    except ValueError:
        return copy.deepcopy(value)


def _remembering(function: Any) -> Any:
    return lru_cache(maxsize=4096)(function)


def _fresh_lists(function: Any) -> Any:
    """Callers own the list of tokens they get."""
    remembering = _remembering(function)

    def call(expr: str) -> list[Any]:
        return list(remembering(expr))

    return call
