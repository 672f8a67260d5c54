"""Small machines for the tests of the engine itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.simulation import VirtualCloud

NO_PROJECT = Path("/nonexistent")


@contextmanager
def empty_cloud(**options: Any) -> Iterator[VirtualCloud]:
    """A virtual cloud with nothing in it."""
    with VirtualCloud(project=NO_PROJECT, **options) as cloud:
        yield cloud


def machine(start: str, /, **states: dict[str, Any]) -> dict[str, Any]:
    """A JSONata machine; a state without Next is the last."""
    for state in states.values():
        if "Next" not in state and state["Type"] not in ("Choice", "Fail", "Succeed"):
            state["End"] = True
    return {"QueryLanguage": "JSONata", "StartAt": start, "States": states}


def call(function: str, payload: Any = "{% $states.input %}", **fields: Any) -> dict[str, Any]:
    """A Task that invokes a function; its output is what the function returned."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": function, "Payload": payload},
        "Output": "{% $states.result.Payload %}",
        **fields,
    }


def wait(seconds: Any, **fields: Any) -> dict[str, Any]:
    """A Wait state."""
    return {"Type": "Wait", "Seconds": seconds, **fields}


def give(output: Any, **fields: Any) -> dict[str, Any]:
    """A Pass state with this output."""
    return {"Type": "Pass", "Output": output, **fields}


def each(items: str, concurrency: int, start: str, **states: dict[str, Any]) -> dict[str, Any]:
    """An Inline Map."""
    processor = machine(start, **states)
    processor.pop("QueryLanguage")
    processor["ProcessorConfig"] = {"Mode": "INLINE"}
    return {"Type": "Map", "Items": items, "MaxConcurrency": concurrency, "ItemProcessor": processor}


def together(*branches: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A Parallel state."""
    for branch in branches:
        branch.pop("QueryLanguage", None)
    return {"Type": "Parallel", "Branches": list(branches), **fields}


def caught(*errors: str, next: str = "Caught", **fields: Any) -> dict[str, Any]:
    """A catcher that hands on the error output."""
    return {"ErrorEquals": list(errors), "Next": next, "Output": "{% $states.errorOutput %}", **fields}


CAUGHT = give("{% {'caught': $states.input.Error, 'cause': $states.input.Cause} %}")
