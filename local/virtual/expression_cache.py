"""Lets MiniStack's DynamoDB read each expression once instead of once per item that it is held against.

The cached functions depend on the text alone, and a failover of 100 servers holds 100,000 items against its
expressions. Most of them are key conditions, which are held against every item of a partition: those of the
one form that is in use are compared without MiniStack's interpreter.
"""

from __future__ import annotations

import inspect
import re
from functools import lru_cache
from typing import Any

_PURE = {"_tokenize": ("expr",), "_condition_syntax_error": ("expr", "slot")}
_CONDITION = ("expr", "item", "attr_values", "attr_names", "slot")
_PREFIX = re.compile(r"\((#\w+) = (:\w+) AND begins_with\((#\w+), (:\w+)\)\)")
"""``Key(…).eq(…) & Key(…).begins_with(…)`` as boto3 writes it."""
_cached: set[str] = set()


class MiniStackChangedError(RuntimeError):
    """A function of MiniStack that is cached vanished or takes other parameters."""


def cache_expressions() -> None:
    """Caches, once per process. Raises MiniStackChangedError."""
    from ministack.services import dynamodb  # slow to import: only when a cloud is made

    for name, parameters in {**_PURE, "_evaluate_condition": _CONDITION}.items():
        if name in _cached:
            continue
        function = getattr(dynamodb, name, None)
        if function is None or tuple(inspect.signature(function).parameters) != parameters:
            raise MiniStackChangedError(f"ministack.services.dynamodb.{name}{parameters} is not there")
        wrap = {"_tokenize": _fresh_lists, "_evaluate_condition": _key_conditions_apart}.get(
            name, _remembering
        )
        setattr(dynamodb, name, wrap(function))
        _cached.add(name)


def _remembering(function: Any) -> Any:
    return lru_cache(maxsize=4096)(function)


def _fresh_lists(function: Any) -> Any:
    """Callers own the list of tokens they get."""
    remembering = _remembering(function)

    def call(expr: str) -> list[Any]:
        return list(remembering(expr))

    return call


def _key_conditions_apart(function: Any) -> Any:
    """``function`` (_evaluate_condition), but key conditions of the usual form over strings done at once."""
    form = lru_cache(maxsize=4096)(_PREFIX.fullmatch)

    def call(
        expr: str, item: Any, attr_values: Any, attr_names: Any, slot: str = "ConditionExpression"
    ) -> Any:
        found = form(expr) if slot == "KeyConditionExpression" else None
        if found is not None:
            partition, equal, sort, prefix = found.groups()
            text = attr_values.get(prefix, {}).get("S")
            key = item.get(attr_names.get(sort), {}).get("S")
            if text is not None and key is not None:
                return item.get(attr_names.get(partition)) == attr_values.get(equal) and key.startswith(text)
        return function(expr, item, attr_values, attr_names, slot)

    return call
