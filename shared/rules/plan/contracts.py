"""Checks documents against the schemas in ``shared/schemas``; names what is wrong in an operator's words."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.rules.plan.contract_wording import Violation, worded

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

SCHEMAS = (
    "plan",
    "request",
    "report",
    "dr-event",
    "preparation",
    "preparation-report",
    "control",
    "approval",
    "freeze",
)
SCHEMA_FOLDER = Path(__file__).parents[2] / "schemas"
_MAX_DEPTH = 50


@dataclass(frozen=True, slots=True)
class Problem:
    """One violation: where (``waves[2].dependsOn[0]``), what is wrong, and what to write instead."""

    path: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message} {self.remedy}"


class DocumentInvalidError(ValueError):
    """A document breaks its contract. The message lists every problem with its remedy, one per line."""

    def __init__(self, what: str, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join([f"The {what} is not valid:", *(f"- {problem}" for problem in problems)]))
        self.problems = tuple(problems)


def problems(document: object, schema_name: str) -> tuple[Problem, ...]:
    """Every violation of ``schema_name`` (one of SCHEMAS) in ``document``.

    Never raises for a document, whatever it holds; raises LookupError for an unknown schema name.
    """
    if schema_name not in SCHEMAS:
        raise LookupError(f"There is no schema {schema_name!r}; there are {', '.join(SCHEMAS)}.")
    foreign = tuple(_not_json(document, ()))
    if foreign:
        return foreign
    found = [
        Problem(path_of(path), message, remedy)
        for violation in _violations(document, schema_name)
        for path, message, remedy in worded(violation)
    ]
    return tuple(dict.fromkeys(found))  # two branches of a schema can meet the same violation


def path_of(parts: Iterable[str | int]) -> str:
    """``("waves", 2, "dependsOn")`` as an operator reads it: ``waves[2].dependsOn``."""
    text = ""
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.fullmatch(r"[A-Za-z0-9_-]+", part):
            text += f".{part}" if text else part
        else:
            text += f"[{json.dumps(part, ensure_ascii=False)}]"
    return text or "(document)"


def _violations(document: object, schema_name: str) -> Iterator[Violation]:
    errors = sorted(_validator(schema_name).iter_errors(document), key=lambda error: _order(error.path))
    of_wrong_type = {tuple(error.path) for error in errors if error.validator == "type"}
    for error in errors:
        path = tuple(error.path)
        if error.validator == "type" or path not in of_wrong_type:  # what else is wrong with it follows
            schema: Any = error.schema
            yield Violation(path, str(error.validator), error.validator_value, error.instance, schema)


# jsonschema takes a tenth of a second to import: only functions that check a document pay for it.
@cache
def _validator(schema_name: str) -> Draft202012Validator:
    from jsonschema import Draft202012Validator
    from referencing import Registry, Resource

    schemas = {
        name: json.loads((SCHEMA_FOLDER / f"{name}.schema.json").read_text("utf-8")) for name in SCHEMAS
    }
    resources = [(schema["$id"], Resource.from_contents(schema)) for schema in schemas.values()]
    registry: Registry[Any] = Registry().with_resources(resources)
    return Draft202012Validator(schemas[schema_name], registry=registry)


def _order(path: Iterable[str | int]) -> list[tuple[int, int, str]]:
    return [(0, part, "") if isinstance(part, int) else (1, 0, part) for part in path]


def _not_json(value: object, path: tuple[str | int, ...]) -> Iterator[Problem]:
    """What no schema can judge: YAML knows dates and keys that are not texts, JSON does not."""
    if len(path) > _MAX_DEPTH:
        yield Problem(path_of(path), "is nested too deeply.", "Check for an alias that contains itself.")
    elif isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(key, str):
                yield from _not_json(inner, (*path, key))
            else:
                yield Problem(
                    path_of((*path, str(key))), "has a key that is not a text.", "Put it in quotes."
                )
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _not_json(inner, (*path, index))
    elif isinstance(value, float) and not math.isfinite(value):
        yield Problem(path_of(path), f"{value} is not a number.", "Write a number.")
    elif value is not None and not isinstance(value, str | int | float):
        yield Problem(path_of(path), f"{value} is read as a {type(value).__name__}.", "Put it in quotes.")
