"""One attempt of an execution: where a redrive begins, and a stop that comes before the first state."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import local.states
from drs_emulator.clock import ManualClock
from local.states.orders import Machine, Order
from local.states.redrive import begin_at, resume_point
from local.states.run import Run

STATES: dict[str, Any] = {
    "A": {"Type": "Pass", "Assign": {"plan": "erp"}, "Next": "B"},
    "B": {"Type": "Choice", "Choices": [{"Condition": "{% true %}", "Next": "C"}], "Default": "D"},
    "C": {"Type": "Pass", "Next": "D"},
    "D": {"Type": "Succeed"},
}
MACHINE = {"QueryLanguage": "JSONata", "StartAt": "A", "States": STATES}


def order(machine: dict[str, Any] = MACHINE) -> Order:
    place = "arn:aws:states:us-east-1:111122223333"
    known = Machine(f"{place}:stateMachine:m", "m", json.dumps(machine), "arn:aws:iam::111122223333:role/m")
    return Order(known, f"{place}:execution:m:e", "e", "{}")


def finished(run: Run) -> list[str]:
    """Run to the end; the types of its events."""
    local.states.install(local.states.Runtime(ManualClock(), lambda service, region, role: None))
    run.start()
    assert run.ended.wait(10)
    return [event["type"] for event in run.history()]


def test_a_machine_that_begins_later_keeps_what_can_follow() -> None:
    assert begin_at(MACHINE, "C") == {
        **MACHINE,
        "StartAt": "C",
        "States": {"C": STATES["C"], "D": STATES["D"]},
    }
    assert set(begin_at(MACHINE, "B")["States"]) == {"B", "C", "D"}


def test_a_redrive_begins_at_the_last_state_entered_with_the_variables_of_those_before() -> None:
    local.states.install(local.states.Runtime(ManualClock(), lambda service, region, role: None))
    run = Run(order(), lambda run: None)
    finished(run)
    events = run.history()
    entered = next(
        i for i, e in enumerate(events) if e.get("stateEnteredEventDetails", {}).get("name") == "C"
    )
    point = resume_point(events[: entered + 1], MACHINE)
    assert point is not None
    assert (point.state, point.variables) == ("C", {"plan": "erp"})
    assert resume_point(events[:1], MACHINE) is None


def test_nothing_runs_when_the_stop_comes_first() -> None:
    local.states.install(local.states.Runtime(ManualClock(), lambda service, region, role: None))
    run = Run(order(), lambda run: None)
    run.stop(datetime(2026, 1, 1, tzinfo=UTC), "Operator", None)
    assert finished(run) == ["ExecutionAborted"]
    assert run.execution.history() == []


def test_what_the_interpreter_cannot_run_fails_instead_of_hanging() -> None:
    local.states.install(local.states.Runtime(ManualClock(), lambda service, region, role: None))
    broken = {**MACHINE, "States": {**STATES, "D": {"Type": "Nonsense"}}}
    run = Run(order(broken), lambda run: None)
    finished(run)
    assert (run.execution.status, run.execution.error) == ("FAILED", "States.Runtime")
