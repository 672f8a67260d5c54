"""Executions inside executions, and stopping: what starts, ends and what is notified."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local.simulation import VirtualCloud
from tests.local.states.lab import CAUGHT, call, caught, each, empty_cloud, give, machine, together, wait


@pytest.fixture
def cloud() -> Iterator[VirtualCloud]:
    with empty_cloud() as made:
        made.add_function("echo", lambda event, context: event)
        yield made


def nest(child: str, pattern: str = ".sync:2", **fields: Any) -> dict[str, Any]:
    """A Task that runs another machine."""
    return {
        "Type": "Task",
        "Resource": f"arn:aws:states:::states:startExecution{pattern}",
        "Arguments": {
            "StateMachineArn": f"arn:aws:states:us-east-1:999988887777:stateMachine:{child}",
            "Name": "{% $states.context.Execution.Name & '-child' %}",
            "Input": "{% $states.input %}",
        },
        **fields,
    }


def test_a_nested_execution_gives_its_output(cloud: VirtualCloud) -> None:
    cloud.add_machine("parent", machine("Nest", Nest=nest("child", Output="{% $states.result.Output %}")))
    cloud.add_machine(
        "child", machine("Sleep", Sleep=wait(600, Next="Give"), Give=give("{% $states.input.n + 1 %}"))
    )
    result = cloud.run("parent", {"n": 1}, name="one")
    assert (result.output, result.seconds) == (2, 600)
    assert result.visited == {"parent": {"Nest"}, "child": {"Sleep", "Give"}}
    assert result.transitions == 3
    assert [child.execution_arn.rsplit(":", 2)[1:] for child in result.children] == [["child", "one-child"]]


def test_an_hour_of_waiting_for_a_child_costs_one_question(cloud: VirtualCloud) -> None:
    cloud.add_machine("parent", machine("Nest", Nest=nest("child")))
    cloud.add_machine("child", machine("Sleep", Sleep=wait(3600)))
    cloud.run("parent", {}, name="one")
    assert cloud.calls["sfn", "DescribeExecution"] == 2


def test_a_nested_execution_that_fails_fails_its_task(cloud: VirtualCloud) -> None:
    task = nest("child", Catch=[caught("States.TaskFailed")])
    cloud.add_machine("parent", machine("Nest", Nest=task, Caught=dict(CAUGHT)))
    cloud.add_machine("child", machine("Stop", Stop={"Type": "Fail", "Error": "Broken", "Cause": "really"}))
    result = cloud.run("parent", {}, name="one")
    assert result.output["caught"] == "States.TaskFailed"
    assert '"Error": "Broken"' in result.output["cause"]
    assert [child.error for child in result.children] == ["Broken"]


def test_a_child_that_is_only_started_goes_on_alone(cloud: VirtualCloud) -> None:
    cloud.add_machine("parent", machine("Nest", Nest=nest("child", "")))
    cloud.add_machine("child", machine("Sleep", Sleep=wait(600)))
    result = cloud.run("parent", {}, name="one")
    assert (result.seconds, result.children[0].status) == (0, "RUNNING")
    assert cloud.wait(result.children[0].execution_arn).seconds == 600


def test_a_name_is_used_once(cloud: VirtualCloud) -> None:
    cloud.add_machine("child", machine("Sleep", Sleep=wait(600)))
    states = cloud.client("stepfunctions")
    arn = "arn:aws:states:us-east-1:999988887777:stateMachine:child"
    first = states.start_execution(stateMachineArn=arn, name="one", input='{"a": 1}')
    again = states.start_execution(stateMachineArn=arn, name="one", input='{"a":1}')
    assert again["executionArn"] == first["executionArn"]
    with pytest.raises(states.exceptions.ExecutionAlreadyExists):
        states.start_execution(stateMachineArn=arn, name="one", input='{"a": 2}')
    cloud.wait(first["executionArn"])
    with pytest.raises(states.exceptions.ExecutionAlreadyExists):
        states.start_execution(stateMachineArn=arn, name="one", input='{"a": 1}')
    with pytest.raises(states.exceptions.StateMachineDoesNotExist):
        states.start_execution(stateMachineArn=arn.replace("child", "nothing"), name="two")
    with pytest.raises(states.exceptions.InvalidExecutionInput):
        states.start_execution(stateMachineArn=arn, name="three", input="{")


def test_an_execution_describes_itself(cloud: VirtualCloud) -> None:
    cloud.add_machine("child", machine("Sleep", Sleep=wait(600, Next="Give"), Give=give({"a": 1})))
    states = cloud.client("stepfunctions")
    arn = cloud.start("child", {"n": 1}, name="one")
    running = states.describe_execution(executionArn=arn)
    assert (running["status"], running["input"], "output" in running) == ("RUNNING", '{"n": 1}', False)
    cloud.wait(arn)
    ended = states.describe_execution(executionArn=arn)
    assert (ended["status"], ended["output"]) == ("SUCCEEDED", '{"a":1}')
    assert (ended["stopDate"] - ended["startDate"]).total_seconds() == 600
    listed = states.list_executions(stateMachineArn=ended["stateMachineArn"], statusFilter="SUCCEEDED")
    assert [item["name"] for item in listed["executions"]] == ["one"]
    events = states.get_execution_history(executionArn=arn)["events"]
    assert [events[0]["type"], events[-1]["type"]] == ["ExecutionStarted", "ExecutionSucceeded"]
    with pytest.raises(states.exceptions.ExecutionDoesNotExist):
        states.describe_execution(executionArn=arn + "x")


RETRY = [{"ErrorEquals": ["ValueError"], "IntervalSeconds": 900}]
TOKEN = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
    "Arguments": {"FunctionName": "echo", "Payload": {"token": "{% $states.context.Task.Token %}"}},
    "TimeoutSeconds": 3600,
    "Catch": [caught("States.ALL")],
}


@pytest.mark.parametrize(
    "definition",
    [
        machine("Sleep", Sleep=wait(900)),
        machine("Work", Work=call("broken", Retry=RETRY)),
        machine("Ask", Ask=TOKEN, Caught=dict(CAUGHT)),
        machine("Both", Both=together(machine("A", A=wait(900)), machine("B", B=wait(800)))),
        machine("Each", Each=each("{% [1..9] %}", 3, "Sleep", Sleep=wait(900))),
        machine("Nest", Nest=nest("child", Catch=[caught("States.ALL")]), Caught=dict(CAUGHT)),
        machine("Work", Work=call("slow", Catch=[caught("States.ALL")]), Caught=dict(CAUGHT)),
    ],
    ids=["wait", "retry", "token", "parallel", "map", "nested", "function"],
)
def test_a_stopped_execution_ends_at_once_wherever_it_is(
    cloud: VirtualCloud, definition: dict[str, Any]
) -> None:
    def broken(event: Any, context: Any) -> None:
        raise ValueError("broken")

    cloud.add_function("broken", broken)
    cloud.add_function("slow", lambda event, context: None)
    cloud.functions.takes("slow", 900)
    cloud.add_machine("m", definition)
    cloud.add_machine("child", machine("Sleep", Sleep=wait(900)))
    arn = cloud.start("m", {}, name="one")
    cloud.advance(60)
    cloud.stop(arn, "Cancelled", "by hand")
    result = cloud.result(arn)
    assert (result.status, result.error, result.cause) == ("ABORTED", "Cancelled", "by hand")
    assert result.seconds == 60
    assert result.caught == set()
    assert [event["type"] for event in result.history].count("ExecutionAborted") == 1
    assert [child.status for child in result.children] == ["ABORTED"] * len(result.children)


def test_a_timed_out_task_stops_its_nested_execution(cloud: VirtualCloud) -> None:
    task = nest("child", TimeoutSeconds=60, Catch=[caught("States.Timeout")])
    cloud.add_machine("parent", machine("Nest", Nest=task, Caught=dict(CAUGHT)))
    cloud.add_machine("child", machine("Sleep", Sleep=wait(600)))
    result = cloud.run("parent", {}, name="one")
    assert result.output["caught"] == "States.Timeout"
    assert [child.status for child in result.children] == ["ABORTED"]


def test_stopping_what_has_ended_changes_nothing(cloud: VirtualCloud) -> None:
    cloud.add_machine("m", machine("Give", Give=give(1)))
    result = cloud.run("m", {}, name="one")
    cloud.stop(result.execution_arn)
    assert cloud.result(result.execution_arn).status == "SUCCEEDED"
