"""JSONata for the interpreter: each expression is parsed once and evaluated on the live values.

moto leaves the evaluator out and hands over values by pasting them into the expression's text, which
breaks on strings with quotes. Here they are bound as variables instead.

An expression that returns nothing, or that fails, ends the state with ``States.QueryEvaluationError``
(Step Functions guide, "Handling JSONata errors").
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
import random
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jsonata
from jsonata.utils import Utils

from local.states.runtime import current

NULL = Utils.NULL_VALUE


class ExpressionError(Exception):
    """The expression could not be parsed, failed, or returned something that JSON cannot hold."""


class UndefinedError(ExpressionError):
    """The expression returned nothing."""


def evaluate(expression: str, states: dict[str, Any], variables: dict[str, Any]) -> Any:
    """The value of ``expression`` as fresh JSON data.

    ``states`` is ``$states``, ``variables`` the machine's variables without their ``$``.
    Raises UndefinedError, ExpressionError.
    """
    engine = copy.copy(_parsed(expression))
    # The library keeps the engine that evaluates in a thread local; a parsed expression is shared.
    jsonata.Jsonata.CURRENT.jsonata = engine
    bindings: dict[str, Any] = {**_functions(), "states": states}
    for name, value in variables.items():
        bindings[name] = NULL if value is None else value
    try:
        result = engine.evaluate(None, bindings)
    except ExpressionError:
        raise
    except Exception as error:
        raise ExpressionError(f"The JSONata expression '{expression}' failed: {error}") from error
    if result is None:
        raise UndefinedError(f"The JSONata expression '{expression}' returned nothing (undefined).")
    return _plain(result, expression)


@lru_cache(maxsize=4096)
def _parsed(expression: str) -> jsonata.Jsonata:
    try:
        engine = jsonata.Jsonata(expression)
    except Exception as error:
        raise ExpressionError(f"The JSONata expression '{expression}' is not valid: {error}") from error
    engine.set_output_convert_nulls(False)
    engine.set_validate_input(False)
    return engine


def _plain(value: Any, expression: str) -> Any:
    """Copies a result to plain JSON data: no sequences, no null marker, whole numbers as integers."""
    if value is NULL or value is None:
        return None
    if isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ExpressionError(f"The JSONata expression '{expression}' returned a number out of range.")
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, list):
        return [_plain(value[index], expression) for index in range(len(value))]
    if isinstance(value, dict):
        return {str(key): _plain(member, expression) for key, member in value.items()}
    raise ExpressionError(f"The JSONata expression '{expression}' returned an unsupported result type.")


def _functions() -> dict[str, Any]:
    return {name: jsonata.Jsonata.JLambda(function) for name, function in FUNCTIONS.items()}


def _parse(text: Any = None) -> Any:
    if not isinstance(text, str):
        raise ExpressionError("$parse needs a JSON string")
    try:
        return _nulls(json.loads(text))
    except ValueError as error:
        raise ExpressionError(f"$parse: not JSON: {error}") from error


def _nulls(value: Any) -> Any:
    return NULL if value is None else value


def _hash(value: Any, algorithm: str) -> str:
    names = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
    if algorithm not in names:
        raise ExpressionError(f"$hash: unknown algorithm {algorithm!r}, one of {sorted(names)}")
    return hashlib.new(names[algorithm], str(value).encode()).hexdigest()


def _partition(array: Any, size: int) -> list[Any]:
    if size <= 0:
        raise ExpressionError("$partition: the size must be positive")
    items = array if isinstance(array, list) else [array]
    return [items[start : start + int(size)] for start in range(0, len(items), int(size))]


def _range(first: int, last: int, step: int) -> list[int]:
    if step == 0:
        raise ExpressionError("$range: the step must not be 0")
    return list(range(int(first), int(last) + (1 if step > 0 else -1), int(step)))


def _random(seed: Any = None) -> float:
    return (random.Random(seed) if seed is not None else current().random).random()


def _millis() -> int:
    return int(current().clock.now().timestamp() * 1000)


# Functions that Step Functions adds to JSONata, and those of JSONata that would read the machine's clock.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "parse": _parse,
    "uuid": lambda: current().new_id(),
    "hash": _hash,
    "partition": _partition,
    "range": _range,
    "random": _random,
    "millis": _millis,
    "now": lambda: current().clock.now().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
}
