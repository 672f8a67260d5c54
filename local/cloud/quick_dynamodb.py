"""Takes from MiniStack's DynamoDB what costs most and is no part of any answer.

A failover of 100 servers holds 100,000 items against its expressions, and each write copies its item several
times. So each expression is read once, items are copied as the plain JSON that they are, and orjson reads and
writes JSON.
"""

from __future__ import annotations

import copy
import json
import marshal
from functools import cache, lru_cache
from types import SimpleNamespace
from typing import Any

import orjson
from ministack.services import dynamodb

from local.cloud import hooks

_DYNAMODB = "ministack.services.dynamodb"
_REMEMBERED = 4096


@cache
def install() -> None:
    """Replace them, once per process."""
    hooks.replace(_DYNAMODB, "copy", SimpleNamespace(copy=copy.copy, deepcopy=plain_copy))
    quick_json = SimpleNamespace(
        dumps=dumped, loads=orjson.loads, JSONDecodeError=json.JSONDecodeError, JSONEncoder=json.JSONEncoder
    )
    hooks.replace(_DYNAMODB, "json", quick_json)
    hooks.replace("ministack.core.responses", "json", quick_json)
    hooks.replace(_DYNAMODB, "_item_size_bytes", item_size)
    # What they give depends on the text alone.
    hooks.replace(_DYNAMODB, "_tokenize", _fresh_lists(dynamodb._tokenize))
    hooks.replace(
        _DYNAMODB, "_condition_syntax_error", lru_cache(_REMEMBERED)(dynamodb._condition_syntax_error)
    )


def plain_copy(value: Any) -> Any:
    """A copy to the bottom: plain JSON is written and read again, the rest is for ``copy.deepcopy``."""
    if type(value) is dict and len(value) == 1:  # most of all that is copied: ``{"S": "some text"}``
        [(kind, inner)] = value.items()
        if type(inner) is str:
            return {kind: inner}
    try:
        return marshal.loads(marshal.dumps(value))  # noqa: S302 - it was written just now
    except ValueError:
        return copy.deepcopy(value)


def dumped(value: Any, **options: Any) -> str:
    """What ``json.dumps`` gives, but for spaces."""
    if options.keys() <= {"ensure_ascii"}:
        try:
            return orjson.dumps(value).decode()
        except TypeError:
            pass
    return json.dumps(value, **options)


def item_size(item: Any) -> int:
    """The bytes of an item as DynamoDB counts them; most of its values are texts."""
    if not isinstance(item, dict):
        return 0
    return sum(_text_size(name) + _value_size(value) for name, value in item.items())


def _value_size(value: Any) -> int:
    for kind, inner in value.items():
        if kind == "S":
            return _text_size(inner)
        if kind == "N":
            return _number_size(inner)
        if kind == "L":
            return 3 + sum(1 + _value_size(one) for one in inner)
        if kind == "M":
            return 3 + sum(1 + _text_size(name) + _value_size(one) for name, one in inner.items())
    size: int = dynamodb._attribute_value_size(value)
    return size


def _text_size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


@lru_cache(_REMEMBERED)
def _number_size(text: str) -> int:
    size: int = dynamodb._attribute_value_size({"N": text})
    return size


def _fresh_lists(function: Any) -> Any:
    """Callers own the list of tokens they get."""
    remembering = lru_cache(_REMEMBERED)(function)

    def call(expr: str) -> list[Any]:
        return list(remembering(expr))

    return call
