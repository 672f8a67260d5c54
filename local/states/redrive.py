"""Where a redriven execution resumes, and the part of the machine that is left to run."""

from __future__ import annotations

import json
from typing import Any

from local.states.orders import Resume

Event = dict[str, Any]


def begin_at(definition: dict[str, Any], state: str) -> dict[str, Any]:
    """The machine from ``state`` on, without the top-level states that cannot follow it any more."""
    states, reachable, new = definition["States"], set[str](), {state}
    while new:
        reachable |= new
        new = {follower for name in new for follower in _followers(states[name])} - reachable
    kept = {name: body for name, body in states.items() if name in reachable}
    return {**definition, "StartAt": state, "States": kept}


def resume_point(events: list[Event], definition: dict[str, Any]) -> Resume | None:
    """Where a redrive starts: the last top-level state that was entered, with its input and variables.

    None when no state was entered. AWS restarts only the failed iterations of a Map and the failed branches
    of a Parallel (Step Functions developer guide, redrive-executions); here the whole state starts again.
    """
    top = definition["States"]
    entered = None
    variables: dict[str, Any] = {}
    for event in events:
        if event["type"].endswith("StateEntered") and event["stateEnteredEventDetails"]["name"] in top:
            entered = event["stateEnteredEventDetails"]
        elif event["type"].endswith("StateExited") and event["stateExitedEventDetails"]["name"] in top:
            assigned = event["stateExitedEventDetails"].get("assignedVariables") or {}
            variables.update({name: _assigned(text) for name, text in assigned.items()})
    if entered is None:
        return None
    return Resume(entered["name"], entered.get("input") or "{}", variables)


def _followers(state: dict[str, Any]) -> set[str]:
    branches = [state, *state.get("Choices", []), *state.get("Catch", [])]
    named = [branch.get(key) for branch in branches for key in ("Next", "Default")]
    return {name for name in named if name}


def _assigned(text: str) -> Any:
    """The value of an assigned variable; moto puts a string between quotes without escaping it."""
    try:
        return json.loads(text)
    except ValueError:
        return text[1:-1]
