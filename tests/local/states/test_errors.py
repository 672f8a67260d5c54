"""Retry, Catch, timeouts and tokens: the semantics of errors that the machines rely on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local.simulation import VirtualCloud
from tests.local.states.lab import CAUGHT, call, caught, each, empty_cloud, give, machine, together, wait


class SomeError(Exception):
    """An error of a function under test."""


class OtherError(Exception):
    """Another."""


@pytest.fixture
def cloud() -> Iterator[VirtualCloud]:
    with empty_cloud() as made:
        yield made


def failing(times: int, error: type[Exception] = SomeError) -> Any:
    """A function that fails so often, noting the state's time of each attempt, and then succeeds."""
    attempts: list[Any] = []

    def handler(event: Any, context: Any) -> Any:
        attempts.append(event)
        if len(attempts) <= times:
            raise error(f"attempt {len(attempts)}")
        return {"attempts": len(attempts)}

    return handler


def retrying(**fields: Any) -> dict[str, Any]:
    return machine("Work", Work=call("work", Retry=[{"ErrorEquals": ["SomeError"], **fields}]))


@pytest.mark.parametrize(
    ("fields", "failures", "seconds"),
    [
        ({"IntervalSeconds": 2, "MaxAttempts": 3, "BackoffRate": 2.0}, 3, 2 + 4 + 8),
        (
            {"IntervalSeconds": 10, "MaxAttempts": 4, "BackoffRate": 3.0, "MaxDelaySeconds": 15},
            3,
            10 + 15 + 15,
        ),
        ({"IntervalSeconds": 5, "MaxAttempts": 2, "BackoffRate": 1.0}, 1, 5),
        ({}, 2, 1 + 2),
    ],
)
def test_a_retry_waits_by_interval_backoff_and_maximum(
    cloud: VirtualCloud, fields: dict[str, Any], failures: int, seconds: float
) -> None:
    cloud.add_machine("m", retrying(**fields))
    cloud.add_function("work", failing(failures))
    result = cloud.run("m", {}, name="one")
    assert (result.status, result.output) == ("SUCCEEDED", {"attempts": failures + 1})
    assert result.seconds == seconds
    assert result.retried == {("m", "Work", "SomeError")}
    assert result.transitions == 1 + failures


def test_full_jitter_waits_at_most_the_interval_and_the_same_for_the_same_seed() -> None:
    seconds = []
    for _ in range(2):
        with empty_cloud(seed=7) as cloud:
            cloud.add_machine("m", retrying(IntervalSeconds=100, JitterStrategy="FULL"))
            cloud.add_function("work", failing(1))
            seconds.append(cloud.run("m", {}, name="one").seconds)
    assert 0 < seconds[0] < 100
    assert seconds[0] == seconds[1]


def test_an_error_that_no_retrier_names_is_not_retried(cloud: VirtualCloud) -> None:
    cloud.add_machine("m", retrying(IntervalSeconds=1))
    cloud.add_function("work", failing(1, OtherError))
    result = cloud.run("m", {}, name="one")
    assert (result.status, result.error) == ("FAILED", "OtherError")
    assert '"errorMessage":"attempt 1"' in (result.cause or "")
    assert result.lambda_invocations == 1


@pytest.mark.parametrize(
    ("catchers", "taken"),
    [
        ([caught("OtherError", next="Other"), caught("SomeError")], "SomeError"),
        ([caught("SomeError"), caught("States.ALL", next="Other")], "SomeError"),
        ([caught("States.TaskFailed")], "SomeError"),
        ([caught("States.ALL")], "SomeError"),
    ],
)
def test_the_first_catcher_that_names_the_error_is_taken(
    cloud: VirtualCloud, catchers: list[dict[str, Any]], taken: str
) -> None:
    states = {"Work": call("work", Catch=catchers), "Caught": dict(CAUGHT)}
    if any(catcher["Next"] == "Other" for catcher in catchers):
        states["Other"] = give("other")
    cloud.add_machine("m", machine("Work", **states))
    cloud.add_function("work", failing(1))
    result = cloud.run("m", {}, name="one")
    assert result.output["caught"] == taken
    assert result.caught == {("m", "Work", "SomeError")}


def test_a_catch_comes_after_the_retries_are_used_up(cloud: VirtualCloud) -> None:
    retry = [{"ErrorEquals": ["SomeError"], "IntervalSeconds": 3, "MaxAttempts": 2, "BackoffRate": 1.0}]
    work = call("work", Retry=retry, Catch=[caught("SomeError")])
    cloud.add_machine("m", machine("Work", Work=work, Caught=dict(CAUGHT)))
    cloud.add_function("work", failing(9))
    result = cloud.run("m", {}, name="one")
    assert result.output["caught"] == "SomeError"
    assert (result.seconds, result.lambda_invocations) == (6, 3)


def test_retriers_keep_their_own_count(cloud: VirtualCloud) -> None:
    retry = [
        {"ErrorEquals": ["SomeError"], "IntervalSeconds": 1, "MaxAttempts": 1},
        {"ErrorEquals": ["OtherError"], "IntervalSeconds": 1, "MaxAttempts": 0},
    ]
    cloud.add_machine("m", machine("Work", Work=call("work", Retry=retry)))
    errors = iter([SomeError("a"), OtherError("b")])

    def handler(event: Any, context: Any) -> Any:
        raise next(errors)

    cloud.add_function("work", handler)
    result = cloud.run("m", {}, name="one")
    assert (result.error, result.lambda_invocations) == ("OtherError", 2)


def test_a_timeout_is_virtual_and_states_timeout(cloud: VirtualCloud) -> None:
    work = call("work", TimeoutSeconds=60, Catch=[caught("States.Timeout", "States.HeartbeatTimeout")])
    cloud.add_machine("m", machine("Work", Work=work, Caught=dict(CAUGHT)))
    cloud.add_function("work", lambda event, context: {})
    cloud.functions.takes("work", 300)
    result = cloud.run("m", {}, name="one")
    assert result.output["caught"] == "States.Timeout"
    assert result.seconds == 60


def test_task_failed_does_not_catch_a_timeout(cloud: VirtualCloud) -> None:
    work = call("work", TimeoutSeconds=60, Catch=[caught("States.TaskFailed")])
    cloud.add_machine("m", machine("Work", Work=work, Caught=dict(CAUGHT)))
    cloud.add_function("work", lambda event, context: {})
    cloud.functions.takes("work", 300)
    assert cloud.run("m", {}, name="one").error == "States.Timeout"


def test_the_time_limit_of_a_machine_ends_it(cloud: VirtualCloud) -> None:
    cloud.add_machine("m", {**machine("Sleep", Sleep=wait(500)), "TimeoutSeconds": 20})
    result = cloud.run("m", {}, name="one")
    assert (result.status, result.seconds) == ("TIMED_OUT", 20)
    assert result.history[-1]["type"] == "ExecutionTimedOut"


def test_states_all_does_not_catch_states_runtime(cloud: VirtualCloud) -> None:
    work = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:dynamodb:getItem",
        "Arguments": {"NoSuchParameter": 1},
        "Catch": [caught("States.ALL")],
    }
    cloud.add_machine("m", machine("Work", Work=work, Caught=dict(CAUGHT)))
    result = cloud.run("m", {}, name="one")
    assert (result.status, result.error) == ("FAILED", "States.Runtime")


def test_a_choice_that_nothing_matches_fails(cloud: VirtualCloud) -> None:
    choice = {"Type": "Choice", "Choices": [{"Condition": "{% $states.input.n = 1 %}", "Next": "One"}]}
    cloud.add_machine("m", machine("Which", Which=choice, One=give("one")))
    assert cloud.run("m", {"n": 1}, name="one").output == "one"
    assert cloud.run("m", {"n": 2}, name="two").error == "States.NoChoiceMatched"


def test_a_choice_takes_its_default(cloud: VirtualCloud) -> None:
    choice = {
        "Type": "Choice",
        "Choices": [{"Condition": "{% $states.input.n = 1 %}", "Next": "One"}],
        "Default": "Rest",
    }
    cloud.add_machine("m", machine("Which", Which=choice, One=give("one"), Rest=give("rest")))
    assert cloud.run("m", {"n": 2}, name="one").output == "rest"


def test_a_parallel_fails_as_soon_as_a_branch_does(cloud: VirtualCloud) -> None:
    slow = machine("Sleep", Sleep=wait(600))
    fast = machine("Sleep2", Sleep2=wait(5, Next="Work"), Work=call("work"))
    both = together(slow, fast, Catch=[caught("SomeError")])
    cloud.add_machine("m", machine("Both", Both=both, Caught=dict(CAUGHT)))
    cloud.add_function("work", failing(1))
    result = cloud.run("m", {}, name="one")
    assert result.output["caught"] == "SomeError"
    assert result.seconds == 5
    assert ("m", "Both", "SomeError") in result.caught


def test_a_map_fails_as_soon_as_an_item_does(cloud: VirtualCloud) -> None:
    work = each(
        "{% [1..4] %}", 4, "Sleep", Sleep=wait("{% $states.input * 10 %}", Next="Work"), Work=call("work")
    )
    work["Catch"] = [caught("SomeError")]
    cloud.add_machine("m", machine("Each", Each=work, Caught=dict(CAUGHT)))

    def handler(event: Any, context: Any) -> Any:
        if event == 2:
            raise SomeError("item 2")
        return event

    cloud.add_function("work", handler)
    result = cloud.run("m", {}, name="one")
    assert result.output["caught"] == "SomeError"
    assert result.seconds == 20


def test_a_catch_inside_a_map_keeps_the_other_items_going(cloud: VirtualCloud) -> None:
    work = each(
        "{% [1..4] %}",
        2,
        "Work",
        Work=call("work", Catch=[caught("States.ALL", next="Note")]),
        Note=give("failed"),
    )
    cloud.add_machine("m", machine("Each", Each=work))

    def handler(event: Any, context: Any) -> Any:
        if event % 2:
            raise SomeError("odd")
        return event

    cloud.add_function("work", handler)
    assert cloud.run("m", {}, name="one").output == ["failed", 2, "failed", 4]


def test_errors_of_sdk_tasks_are_named_as_step_functions_names_them(cloud: VirtualCloud) -> None:
    work = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:dynamodb:getItem",
        "Arguments": {"TableName": "missing", "Key": {"pk": {"S": "x"}}},
        "Catch": [caught("DynamoDb.ResourceNotFoundException")],
    }
    cloud.add_machine("m", machine("Work", Work=work, Caught=dict(CAUGHT)))
    result = cloud.run("m", {}, name="one")
    assert result.output["caught"] == "DynamoDb.ResourceNotFoundException"


def test_a_function_that_is_not_there_is_a_lambda_error(cloud: VirtualCloud) -> None:
    cloud.add_machine("m", machine("Work", Work=call("unknown")))
    assert cloud.run("m", {}, name="one").error == "Lambda.ResourceNotFoundException"


def asking(**fields: Any) -> dict[str, Any]:
    """A machine that asks for approval by task token."""
    ask = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Arguments": {"FunctionName": "ask", "Payload": {"token": "{% $states.context.Task.Token %}"}},
        **fields,
    }
    return machine("Ask", Ask=ask, Caught=dict(CAUGHT)) if "Catch" in fields else machine("Ask", Ask=ask)


def tokens_of(cloud: VirtualCloud) -> list[str]:
    """The tokens asked with, oldest first."""
    tokens: list[str] = []
    cloud.add_function("ask", lambda event, context: tokens.append(event["token"]))
    return tokens


def test_a_token_comes_back_with_its_output(cloud: VirtualCloud) -> None:
    tokens = tokens_of(cloud)
    cloud.add_machine("m", asking(TimeoutSeconds=3600))
    arn = cloud.start("m", {}, name="one")
    cloud.advance(100)
    cloud.send_task_success(tokens[0], {"approved": True})
    result = cloud.wait(arn)
    assert (result.output, result.seconds) == ({"approved": True}, 100)


def test_a_token_comes_back_with_an_error_of_its_own_name(cloud: VirtualCloud) -> None:
    tokens = tokens_of(cloud)
    cloud.add_machine("m", asking(TimeoutSeconds=3600, Catch=[caught("ApprovalRejected")]))
    arn = cloud.start("m", {}, name="one")
    cloud.wait_until(lambda: bool(tokens))
    cloud.send_task_failure(tokens[0], "ApprovalRejected", "not today")
    assert cloud.wait(arn).output == {"caught": "ApprovalRejected", "cause": "not today"}


def test_a_token_times_out_and_is_then_refused(cloud: VirtualCloud) -> None:
    tokens = tokens_of(cloud)
    cloud.add_machine("m", asking(TimeoutSeconds=3600, Catch=[caught("States.Timeout")]))
    result = cloud.run("m", {}, name="one")
    assert (result.output["caught"], result.seconds) == ("States.Timeout", 3600)
    states = cloud.client("stepfunctions")
    with pytest.raises(states.exceptions.TaskDoesNotExist):
        states.send_task_success(taskToken=tokens[0], output="{}")


@pytest.mark.parametrize("error", ["States.HeartbeatTimeout", "States.Timeout"])
def test_a_missed_heartbeat_is_caught_by_either_name(cloud: VirtualCloud, error: str) -> None:
    tokens = tokens_of(cloud)
    cloud.add_machine("m", asking(TimeoutSeconds=3600, HeartbeatSeconds=60, Catch=[caught(error)]))
    arn = cloud.start("m", {}, name="one")
    cloud.advance(50)
    cloud.client("stepfunctions").send_task_heartbeat(taskToken=tokens[0])
    result = cloud.wait(arn)
    assert result.output["caught"] == "States.HeartbeatTimeout"
    assert result.seconds == 110


@pytest.mark.parametrize("around", ["parallel", "map"])
def test_errors_of_step_functions_keep_their_names_on_the_way_up(cloud: VirtualCloud, around: str) -> None:
    cloud.add_function("work", lambda event, context: {})
    cloud.functions.takes("work", 300)
    work = call("work", TimeoutSeconds=60)
    whole = (
        together(machine("Work", Work=work))
        if around == "parallel"
        else each("{% [1] %}", 1, "Work", Work=work)
    )
    whole["Catch"] = [caught("States.Timeout")]
    cloud.add_machine("m", machine("Whole", Whole=whole, Caught=dict(CAUGHT)))
    assert cloud.run("m", {}, name="one").output["caught"] == "States.Timeout"


def test_a_fail_state_passes_on_any_error(cloud: VirtualCloud) -> None:
    fail = {"Type": "Fail", "Error": "{% $states.input.Error %}", "Cause": "{% $states.input.Cause %}"}
    retry = call("work", TimeoutSeconds=5, Catch=[caught("States.ALL", next="GiveUp")])
    cloud.add_machine("m", machine("Work", Work=retry, GiveUp=fail))
    cloud.add_function("work", lambda event, context: {})
    cloud.functions.takes("work", 300)
    result = cloud.run("m", {}, name="one")
    assert (result.status, result.error) == ("FAILED", "States.Timeout")
