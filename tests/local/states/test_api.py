"""The API of executions: what it refuses, pages, describes and publishes, in virtual time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.simulation import VirtualCloud
from tests.local.states.lab import call, empty_cloud, give, machine, wait

ARN = "arn:aws:states:us-east-1:999988887777:stateMachine:m"


@pytest.fixture
def cloud() -> Iterator[VirtualCloud]:
    with empty_cloud() as made:
        made.add_machine("m", machine("Sleep", Sleep=wait(600)))
        yield made


@pytest.fixture
def states(cloud: VirtualCloud) -> Any:
    return cloud.client("stepfunctions")


def status_events(cloud: VirtualCloud) -> list[dict[str, Any]]:
    return [event["detail"] for event in cloud.events if event["source"] == "aws.states"]


@pytest.mark.parametrize("name", ["x" * 81, "two words", "a*", "a:b"])
def test_a_name_that_step_functions_refuses_is_refused(states: Any, name: str) -> None:
    with pytest.raises(ClientError, match="InvalidName"):
        states.start_execution(stateMachineArn=ARN, name=name)
    assert states.list_executions(stateMachineArn=ARN)["executions"] == []


def test_an_input_over_the_quota_is_refused(states: Any) -> None:
    with pytest.raises(ClientError, match="longer than 262144 bytes"):
        states.start_execution(stateMachineArn=ARN, name="one", input=f'"{"x" * 262_143}"')


def test_every_change_of_status_is_an_event(cloud: VirtualCloud, states: Any) -> None:
    arn = cloud.start("m", {"n": 1}, name="one")
    cloud.advance(60)
    cloud.stop(arn, "Operator", "enough")
    running, aborted = status_events(cloud)
    assert (running["status"], running["input"], running["stopDate"]) == ("RUNNING", '{"n": 1}', None)
    assert (aborted["status"], aborted["error"], aborted["cause"]) == ("ABORTED", "Operator", "enough")
    assert aborted["stopDate"] - aborted["startDate"] == 60_000
    assert (aborted["output"], aborted["redriveStatus"]) == (None, "REDRIVABLE")


def test_a_large_payload_is_left_out_of_its_event(cloud: VirtualCloud) -> None:
    cloud.add_machine("large", machine("Give", Give=give("{% $states.input %}")))
    cloud.run("large", {"text": "x" * 255_000}, name="one")
    *_, ended = status_events(cloud)
    assert (ended["status"], ended["output"], ended["outputDetails"]) == (
        "SUCCEEDED",
        None,
        {"included": False},
    )


def test_a_stopped_execution_can_be_stopped_again_and_keeps_its_first_end(
    cloud: VirtualCloud, states: Any
) -> None:
    arn = cloud.start("m", {}, name="one")
    cloud.stop(arn, "First")
    first = states.describe_execution(executionArn=arn)
    cloud.advance(60)
    assert states.stop_execution(executionArn=arn, error="Second")["stopDate"] == first["stopDate"]
    again = states.describe_execution(executionArn=arn)
    assert (again["error"], again["stopDate"]) == ("First", first["stopDate"])


def test_a_redrive_is_described_counted_and_continues_the_history(cloud: VirtualCloud, states: Any) -> None:
    cloud.add_function("work", lambda event, context: event)
    cloud.add_machine("m", machine("Begin", Begin=give(1, Next="Work"), Work=call("work", "{% 2 %}")))
    cloud.fail_function("work", error="Busy")
    failed = cloud.run("m", {}, name="one")
    described = states.describe_execution(executionArn=failed.execution_arn)
    assert (described["status"], described["redriveStatus"]) == ("FAILED", "REDRIVABLE")
    cloud.advance(60)
    states.redrive_execution(executionArn=failed.execution_arn)
    done = cloud.wait(failed.execution_arn)
    assert (done.status, done.output) == ("SUCCEEDED", 2)
    described = states.describe_execution(executionArn=failed.execution_arn)
    assert (described["redriveCount"], described["redriveStatus"]) == (1, "NOT_REDRIVABLE")
    assert (described["redriveDate"] - described["startDate"]).total_seconds() == 60
    assert [event["id"] for event in done.history] == list(range(1, len(done.history) + 1))
    types = [event["type"] for event in done.history]
    assert types.count("ExecutionStarted") == 1
    assert types[types.index("ExecutionFailed") + 1 :][:2] == ["ExecutionRedriven", "TaskStateEntered"]
    with pytest.raises(states.exceptions.ExecutionNotRedrivable):
        states.redrive_execution(executionArn=failed.execution_arn)


def test_executions_come_in_pages_latest_first(cloud: VirtualCloud, states: Any) -> None:
    for number in range(5):
        cloud.start("m", {}, name=f"number-{number}")
        cloud.advance(1)
    pages = states.get_paginator("list_executions").paginate(
        stateMachineArn=ARN, PaginationConfig={"PageSize": 2}
    )
    names = [[item["name"] for item in page["executions"]] for page in pages]
    assert names == [["number-4", "number-3"], ["number-2", "number-1"], ["number-0"]]
    with pytest.raises(ClientError, match="InvalidToken"):
        states.list_executions(stateMachineArn=ARN, nextToken="nonsense")


@pytest.mark.parametrize("reverse", [False, True])
def test_a_history_comes_in_pages_of_what_it_was_at_the_first(
    cloud: VirtualCloud, states: Any, reverse: bool
) -> None:
    cloud.add_machine("m", machine("A", A=give(1, Next="B"), B=wait(5, Next="C"), C=give(2)))
    arn = cloud.start("m", {}, name="one")
    cloud.advance(1)
    request = {"executionArn": arn, "maxResults": 2, "reverseOrder": reverse}
    first = states.get_execution_history(**request)
    cloud.wait(arn)
    second = states.get_execution_history(**request, nextToken=first["nextToken"])
    ids = [event["id"] for event in [*first["events"], *second["events"]]]
    assert ids == ([4, 3, 2, 1] if reverse else [1, 2, 3, 4])
    assert "nextToken" not in second
    with pytest.raises(ClientError, match="InvalidToken"):
        states.get_execution_history(**{**request, "maxResults": 3}, nextToken=first["nextToken"])


def test_a_history_can_be_had_without_payloads(cloud: VirtualCloud, states: Any) -> None:
    done = cloud.run("m", {"n": 1}, name="one")
    whole = states.get_execution_history(executionArn=done.execution_arn)["events"]
    bare = states.get_execution_history(executionArn=done.execution_arn, includeExecutionData=False)["events"]
    assert whole[0]["executionStartedEventDetails"]["input"] == '{"n": 1}'
    assert "input" not in bare[0]["executionStartedEventDetails"]
    assert [event["type"] for event in bare] == [event["type"] for event in whole]


def test_another_account_does_not_see_an_execution(cloud: VirtualCloud) -> None:
    arn = cloud.start("m", {}, name="one")
    other = arn.replace("999988887777", "111122223333")
    with pytest.raises(ClientError, match="ExecutionDoesNotExist"):
        cloud.client("stepfunctions").describe_execution(executionArn=other)


def test_an_unknown_token_and_an_output_that_is_no_json_are_refused(states: Any) -> None:
    with pytest.raises(states.exceptions.InvalidOutput):
        states.send_task_success(taskToken="token", output="{")
    with pytest.raises(states.exceptions.TaskDoesNotExist):
        states.send_task_success(taskToken="token", output="{}")


def test_a_definition_is_checked(states: Any) -> None:
    dangling = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}}'
    answer = states.validate_state_machine_definition(definition=dangling)
    assert answer["result"] == "FAIL"
    assert "MISSING_TRANSITION_TARGET" in answer["diagnostics"][0]["message"]
    good = '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}'
    assert states.validate_state_machine_definition(definition=good)["result"] == "OK"
