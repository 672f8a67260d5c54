"""Checks a fleet document against its schema, in the words that plans are checked with."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from local.fleet.document import Document
from local.fleet.errors import Problem
from shared.rules.plan.contract_wording import Violation, worded
from shared.rules.plan.contracts import path_of

_FLEET_SCHEMA = Path(__file__).with_name("fleet.schema.json")
_PLAN_SCHEMA = Path(__file__).parents[2] / "shared" / "schemas" / "plan.schema.json"
_MOST = 20  # a file of another kind altogether would fill the screen


def complaints(document: Document) -> tuple[Problem, ...]:
    """Every way in which the document breaks fleet.schema.json, in the order of the file."""
    if document.content is None:
        return (Problem("", None, "the file is empty.", "Start from fleets/three.yaml."),)
    found = dict.fromkeys(_problems(document))
    return tuple(sorted(found, key=lambda problem: problem.line or 0)[:_MOST])


def _problems(document: Document) -> Iterable[Problem]:
    for error in _validator().iter_errors(document.content):
        violation = Violation(
            path=tuple(error.absolute_path),
            keyword=str(error.validator),
            limit=error.validator_value,
            value=error.instance,
            schema=error.schema if isinstance(error.schema, dict) else {},
        )
        for path, message, remedy in worded(violation):
            yield Problem(path_of(path), document.line(path), message, remedy)


@cache
def _validator() -> Draft202012Validator:
    fleet, plan = (json.loads(path.read_text("utf-8")) for path in (_FLEET_SCHEMA, _PLAN_SCHEMA))
    registry: Registry[Any] = Registry().with_resource(plan["$id"], Resource.from_contents(plan))
    return Draft202012Validator(fleet, registry=registry)
