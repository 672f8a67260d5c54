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

from local.shortcuts import ENABLED
from local.shortcuts.hooks import TABLE

_DYNAMODB = "ministack.services.dynamodb"
_EXPRESSIONS = 4096


@cache
def install() -> None:
    """Replace them, once per process."""
    if not ENABLED:
        return
    TABLE.replace(_DYNAMODB, "copy", SimpleNamespace(copy=copy.copy, deepcopy=plain_copy))
    quick_json = SimpleNamespace(
        dumps=dumped, loads=orjson.loads, JSONDecodeError=json.JSONDecodeError, JSONEncoder=json.JSONEncoder
    )
    TABLE.replace(_DYNAMODB, "json", quick_json)
    TABLE.replace("ministack.core.responses", "json", quick_json)
    TABLE.replace(_DYNAMODB, "_item_size_bytes", item_size)
    # What they give depends on the text alone.
    TABLE.replace(_DYNAMODB, "_tokenize", _fresh_lists(dynamodb._tokenize))
    TABLE.replace(
        _DYNAMODB, "_condition_syntax_error", lru_cache(_EXPRESSIONS)(dynamodb._condition_syntax_error)
    )


def plain_copy(value: Any) -> Any:
    """A copy to the bottom: plain JSON is written and read again, the rest is for ``copy.deepcopy``."""
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
    total = 0
    for name, value in item.items():
        text = value.get("S")
        size = dynamodb._attribute_value_size(value) if text is None else len(text.encode())
        total += len(name.encode()) + size
    return total


def _fresh_lists(function: Any) -> Any:
    """Callers own the list of tokens they get."""
    remembering = lru_cache(_EXPRESSIONS)(function)

    def call(expr: str) -> list[Any]:
        return list(remembering(expr))

    return call
