"""Failures as a Catch gives them: of a function, of a child execution, of Step Functions itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.rules.closure.failures import Failure, failure_of

CHILD = "arn:aws:states:us-east-1:111122223333:execution:drs-quiesce:back"
LAMBDA = json.dumps({"errorMessage": "made to fail", "errorType": "Boom"})


def of_child(**described: Any) -> dict[str, str]:
    return {"Error": "States.TaskFailed", "Cause": json.dumps({"ExecutionArn": CHILD, **described})}


@pytest.mark.parametrize(
    ("document", "failure"),
    [
        ({"Error": "Boom", "Cause": LAMBDA}, Failure("Boom", "made to fail")),
        ({"Error": "States.Timeout", "Cause": ""}, Failure("States.Timeout", None)),
        ({"Error": "X", "Cause": "[1]"}, Failure("X", "[1]")),
        ({"Error": "X", "Cause": '{"ExecutionArn": "cut of'}, Failure("X", '{"ExecutionArn": "cut of')),
        (of_child(Status="FAILED", Error="Boom", Cause=LAMBDA), Failure("Boom", "made to fail")),
        (of_child(Status="FAILED", Error="TooSlow", Cause="Late."), Failure("TooSlow", "Late.")),
        (of_child(Status="FAILED"), Failure("UnknownError", None)),
    ],
)
def test_a_failure_has_the_name_and_the_message_of_what_failed(
    document: dict[str, Any], failure: Failure
) -> None:
    assert failure_of(document) == failure


@pytest.mark.parametrize(("status", "name"), [("ABORTED", "Aborted"), ("TIMED_OUT", "TimedOut")])
def test_a_child_that_was_ended_is_named(status: str, name: str) -> None:
    """Under an error of our own: that of StopExecution could be one by which people cancel."""
    failure = failure_of(of_child(Status=status, Error="ExecutionAborted", Cause="Wrong plan."))
    assert failure == Failure(f"ChildExecution{name}", f"{CHILD} ended as {status}: Wrong plan.")


def test_where_nothing_failed_is_no_failure() -> None:
    assert failure_of(None) is None
    assert failure_of({}) is None
