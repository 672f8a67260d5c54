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
MOST_STATES = 30
"""So many boxes fit one screen; a Map is one of them."""
SLACK = 15
"""Seconds that Step Functions takes for an invocation besides the function's own time."""

LAMBDA = [
    "ThrottledError",
    "AwsUnavailableError",
    "OutcomeUnknownError",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Runtime.OutOfMemory",
]
BACKOFF = {
    "IntervalSeconds": 3,
    "BackoffRate": 2.0,
    "MaxDelaySeconds": 60,
    "MaxAttempts": 8,
    "JitterStrategy": "FULL",
}
CHILD = ["StepFunctions.SdkClientException", "StepFunctions.ThrottlingException"]
CHILD += ["StepFunctions.InternalServerException"]
RETRIES = {
    "lambda:invoke": [
        {"ErrorEquals": LAMBDA, **BACKOFF},
        {
            "ErrorEquals": [*sorted(TIMEOUTS, reverse=True), "Sandbox.Timedout"],
            "IntervalSeconds": 5,
            "MaxAttempts": 2,
        },
    ],
    # Its time-out ends the wait for the token, and is no failure of the function.
    "lambda:invoke.waitForTaskToken": [{"ErrorEquals": [*LAMBDA, "Sandbox.Timedout"], **BACKOFF}],
    "states:startExecution.sync:2": [
        {
            "ErrorEquals": CHILD,
            "IntervalSeconds": 2,
            "BackoffRate": 2.0,
            "MaxDelaySeconds": 30,
            "MaxAttempts": 6,
        }
    ],
}
"""By the resource, the only Retry lists that there are."""

FROZEN = {
    "ErrorEquals": ["FrozenError"],
    "IntervalSeconds": 60,
    "BackoffRate": 1.5,
    "MaxDelaySeconds": 300,
    "MaxAttempts": 100000,
}
"""How the states that begin something wait for the release of a frozen plan."""
FREEZABLE = {
    *("StartRecovery", "ReverseReplication", "Reprotect", "StopTargets", "StopWorkloads"),
    *("QuiesceWorkloads", "RetireRecovery", "CleanUpDrill"),
}

OTHER_NAMES = {
    "ApproveStart": "RequestApproval",  # the graph shows which of the two questions is open
    "ApproveCutover": "RequestApproval",
    "ReadCutoverApproval": "ReadApproval",
    "TakePlan": "OpenExecution",  # a second call, when the drill has released the plan
}
"""Tasks whose state has another name than its function."""
VERBS = {
    *("Approve", "Await", "Cancel", "Check", "Clean", "Close", "Configure", "Decide", "Discover", "Fail"),
    *("Identify", "Match", "Open", "Plan", "Prepare", "Quiesce", "Replicate", "Report", "Reprotect"),
    *(
        "Read",
        "Reserve",
        "Restart",
        "Restore",
        "Retire",
        "Retry",
        "Reverse",
        "Run",
        "Start",
        "Stop",
        "Take",
        "Undo",
    ),
    *("Verify", "Wait", "Watch"),
}
STORY = {
    "failover": [
        *("OpenExecution", "DiscoverServers", "MatchInstances", "CheckPrerequisites", "DecidePairs"),
        *("PlanWaves", "ReserveServers", "RunWaves", "CloseExecution"),
    ],
    "recovery-wave": [
        *("ConfigureLaunch", "StopTargets", "StartRecovery", "AwaitJobs", "RetryFailed"),
        *("StartInstances", "VerifyInstances", "CloseWave"),
    ],
    "failback": [
        *("OpenExecution", "IdentifyOriginals", "CheckReversePrerequisites", "DecidePairs", "PlanWaves"),
        *(
            "ReserveServers",
            "ReplicateBack",
            "ApproveCutover",
            "Quiesce",
            "RunWaves",
            "Reprotect",
            "CloseExecution",
        ),
    ],
}
"""What an operator reads in the graph, in this order."""
OPENERS = {"failover", "failback", "prepare"}
CLOSERS = {"CloseExecution", "FailExecution"}
OF_A_RECORD = {"OpenExecution", "ReserveServers", "RequestApproval", *CLOSERS}

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
    """Whether it waits for a callback, or for the seconds in its input, whichever comes first."""
    return state["Resource"].endswith(".waitForTaskToken") and isinstance(state["TimeoutSeconds"], str)


def name_of(file: Path) -> str:
    return file.name.removesuffix(".asl.json")


def called(state: State) -> str:
    """The function that a task calls, or the machine that it starts."""
    arguments = state["Arguments"]
    [name] = re.findall(
        r"\$\{(\w+?)(?:Function|StateMachine)\}",
        arguments.get("FunctionName") or arguments["StateMachineArn"],
    )
    return str(name)


def timeout_of(function: str) -> int:
    return int(functions()[f"{function}Function"].get("Timeout", orchestration().globals["Timeout"]))


def machine_called(name: str) -> State:
    uri = orchestration().resources[f"{name}StateMachine"]["Properties"]["DefinitionUri"]
    return _read(PROJECT / uri)


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
def test_a_task_ends_in_time_and_retries_in_one_of_three_ways(state: State) -> None:
    # How long a sleeper sleeps, what it saw before decides.
    assert _sleeps(state) or state["TimeoutSeconds"] > 0
    function = str(state.get("Arguments", {}).get("FunctionName", ""))
    frozen = [FROZEN] if function.strip("${}").removesuffix("Function") in FREEZABLE else []
    assert state["Retry"] == RETRIES[state["Resource"].removeprefix("arn:${Partition}:states:::")] + frozen


@pytest.mark.parametrize("state", [case for case in cases("Task") if _sleeps(case.values[0])])
def test_a_sleeper_polls_when_no_callback_comes(state: State) -> None:
    poll = next(rule for rule in state["Catch"] if set(rule["ErrorEquals"]) in (TIMEOUTS, {"States.ALL"}))
    assert poll["Next"] == state["Next"], "called back or not, it polls"


@pytest.mark.parametrize("state", cases("Task", "Map", "Parallel"))
def test_a_lost_heartbeat_is_handled_like_a_timeout(state: State) -> None:
    for rule in [*state.get("Retry", []), *state.get("Catch", [])]:
        named = TIMEOUTS & set(rule["ErrorEquals"])
        assert named in (set(), TIMEOUTS)


@pytest.mark.parametrize("state", [case for case in cases("Task") if not _sleeps(case.values[0])])
def test_a_task_waits_longer_than_what_it_calls_may_run(state: State) -> None:
    """Else a retry would run beside the call that is still at work, and a child's own end be lost."""
    if "startExecution" in state["Resource"]:
        longest = machine_called(called(state))["TimeoutSeconds"]
    else:
        longest = timeout_of(called(state))
    assert state["TimeoutSeconds"] >= longest + SLACK


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_a_machine_fits_one_screen(file: Path) -> None:
    machine = _read(file)
    assert len(machine["States"]) <= MOST_STATES
    assert sum(1 for _ in states(machine)) <= MOST_STATES + 5


@pytest.mark.parametrize("state", cases())
def test_a_state_is_named_by_a_verb_or_by_how_the_execution_ends(
    state: State, request: pytest.FixtureRequest
) -> None:
    name = request.node.callspec.id.rsplit("-", 1)[-1]
    [first] = re.findall(r"^[A-Z][a-z]+", name)
    assert (first in VERBS) == (state["Type"] not in ("Succeed", "Fail"))


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_a_task_has_the_name_of_its_function(file: Path) -> None:
    for name, state in states(_read(file)):
        if state["Type"] == "Task" and ":lambda:" in state["Resource"]:
            assert called(state) == OTHER_NAMES.get(name, name)


@pytest.mark.parametrize("name", STORY)
def test_the_graph_has_the_story_in_its_order(name: str) -> None:
    """A Map shows what it does inside, in the same picture."""
    names = [state for state, _ in states(_read(PROJECT / "statemachines" / f"{name}.asl.json"))]
    assert sorted(STORY[name], key=names.index) == STORY[name]


@pytest.mark.parametrize("file", [file for file in FILES if name_of(file) not in OPENERS], ids=name_of)
def test_a_child_leaves_its_parents_records_and_locks_alone(file: Path) -> None:
    """The clean-up closes a drill that was stopped: then there is no parent any more."""
    tasks = {called(state) for _, state in states(_read(file)) if state["Type"] == "Task"}
    allowed = {"CloseExecution"} if name_of(file) == "drill-cleanup" else set()
    assert tasks & OF_A_RECORD == allowed


def test_only_the_end_of_what_has_a_record_of_its_own_is_reported() -> None:
    """CloseAbortedExecution gets no event about a child but the clean-up, which it starts again."""
    events = functions()["CloseAbortedExecutionFunction"]["Events"]
    [pattern] = [event["Properties"]["Pattern"] for event in events.values()]
    names = [arn["Fn::Sub"] for arn in pattern["detail"]["stateMachineArn"]]
    assert {name.split("${AWS::StackName}-")[1] for name in names} == OPENERS | {"drill-cleanup"}


@pytest.mark.parametrize("state", cases("Choice"))
def test_a_choice_has_a_default(state: State) -> None:
    assert state["Default"]


@pytest.mark.parametrize("file", FILES, ids=name_of)
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
            last = (state.get("End") and name in funnel) or name == "FailExecution"
            assert "States.ALL" in caught or last, name


@pytest.mark.parametrize("name", ["replicate-back", "quiesce", "reprotect"])
def test_a_child_of_the_failback_ends_in_one_fail(name: str) -> None:
    machine = _read(PROJECT / "statemachines" / f"{name}.asl.json")
    [fail] = [name for name, state in machine["States"].items() if state["Type"] == "Fail"]
    caught = {rule["Next"] for state in machine["States"].values() for rule in state.get("Catch", [])}
    assert caught == {fail}
