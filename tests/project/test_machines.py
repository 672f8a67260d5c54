"""What every state of every workflow must have, so that nothing hangs, and failures are caught by name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.policies import PROJECT, functions, orchestration

FILES = sorted((PROJECT / "statemachines").glob("*.asl.json"))
TIMEOUTS = {"States.Timeout", "States.HeartbeatTimeout"}

State = dict[str, Any]


def states(machine: State) -> Iterator[tuple[str, State]]:
    """Every state with its name, those inside Maps and Parallels too."""
    for name, state in machine["States"].items():
        yield name, state
        for inner in [*state.get("Branches", []), *filter(None, [state.get("ItemProcessor")])]:
            yield from states(inner)


def cases(*types: str) -> list[Any]:
    return [
        pytest.param(state, id=f"{file.name.removesuffix('.asl.json')}-{name}")
        for file in FILES
        for name, state in states(_read(file))
        if not types or state["Type"] in types
    ]


def _sleeps(state: State) -> bool:
    """Whether it waits for a wake or for as long as it was told, whichever comes first."""
    return state["Resource"].endswith(".waitForTaskToken") and isinstance(state["TimeoutSeconds"], str)


def _read(file: Path) -> State:
    machine: State = json.loads(file.read_text("utf-8"))
    return machine


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_machine_says_what_it_is_for_and_ends_in_time(file: Path) -> None:
    machine = _read(file)
    assert machine["Comment"]
    assert machine["QueryLanguage"] == "JSONata"
    assert machine["TimeoutSeconds"] > 0
    names = [name for name, _ in states(machine)]
    assert len(names) == len(set(names)), "names are unique, inside Maps too"
    declared = {resource["Properties"]["DefinitionUri"] for resource in _machines()}
    assert f"statemachines/{file.name}" in declared


def _machines() -> list[State]:
    return [r for r in orchestration().resources.values() if r["Type"] == "AWS::Serverless::StateMachine"]


@pytest.mark.parametrize("state", cases())
def test_a_state_says_what_it_does(state: State) -> None:
    assert state["Comment"].endswith((".", "?", "!"))


@pytest.mark.parametrize("state", cases("Task"))
def test_a_task_ends_in_time_and_retries_by_name(state: State) -> None:
    # How long a sleeper sleeps, what it saw before decides.
    assert _sleeps(state) or state["TimeoutSeconds"] > 0
    retried = [error for rule in state["Retry"] for error in rule["ErrorEquals"]]
    assert retried
    assert not {"States.ALL", "States.TaskFailed"} & set(retried)
    if ":lambda:" in state["Resource"]:
        assert {"ThrottledError", "Lambda.TooManyRequestsException", "Lambda.ServiceException"} <= set(
            retried
        )


@pytest.mark.parametrize("state", [case for case in cases("Task") if _sleeps(case.values[0])])
def test_a_sleeper_looks_for_itself_when_nobody_wakes_it(state: State) -> None:
    [looks] = [rule for rule in state["Catch"] if set(rule["ErrorEquals"]) == TIMEOUTS]
    assert looks["Next"] == state["Next"], "resumed or not, it looks"


@pytest.mark.parametrize("state", cases("Task", "Map", "Parallel"))
def test_a_lost_heartbeat_is_handled_like_a_timeout(state: State) -> None:
    for rule in [*state.get("Retry", []), *state.get("Catch", [])]:
        named = TIMEOUTS & set(rule["ErrorEquals"])
        assert named in (set(), TIMEOUTS)


@pytest.mark.parametrize("state", cases("Task"))
def test_a_task_waits_as_long_as_its_function_may_run(state: State) -> None:
    """Else a retry would run beside the call that is still at work."""
    if ":lambda:" not in state["Resource"] or _sleeps(state):
        return
    [name] = re.findall(r"\$\{(\w+)\}", state["Arguments"]["FunctionName"])
    timeout = functions()[name].get("Timeout", orchestration().globals["Timeout"])
    assert state["TimeoutSeconds"] >= timeout


@pytest.mark.parametrize("state", cases("Choice"))
def test_a_choice_has_a_default(state: State) -> None:
    assert state["Default"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_failure_before_the_end_reaches_the_funnel(file: Path) -> None:
    """Outside of Maps, each Task and Map but the last catches everything."""
    machine = _read(file)
    funnel = {
        rule["Next"]
        for state in machine["States"].values()
        for rule in state.get("Catch", [])
        if rule["ErrorEquals"] == ["States.ALL"]
    }
    for name, state in machine["States"].items():
        if state["Type"] in ("Task", "Map", "Parallel"):
            caught = [error for rule in state.get("Catch", []) for error in rule["ErrorEquals"]]
            last = (state.get("End") and name in funnel) or name == "Failed"
            assert "States.ALL" in caught or last, name
