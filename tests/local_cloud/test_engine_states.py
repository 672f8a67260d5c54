"""Step Functions in a running local cloud: what our machines rely on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.ministack import LocalCloud
from tests.local_cloud import engine

WORK = """
class BusyError(Exception): pass
class BrokenError(Exception): pass
seen = {}
def handler(event, context):
    key = event.get("key", "")
    seen[key] = seen.get(key, 0) + 1
    if seen[key] <= event.get("busy", 0): raise BusyError("try again")
    if event.get("broken"): raise BrokenError("no use")
    return {"key": key, "tries": seen[key], **({"now": event["now"]} if "now" in event else {})}
"""


@dataclass
class World:
    cloud: LocalCloud
    states: Any
    role: str


@pytest.fixture(scope="module")
def world(cloud: LocalCloud) -> World:
    own = engine.role(cloud, "work", engine.trust({"Service": "lambda.amazonaws.com"}))
    engine.function(cloud, "work", own, WORK)
    role = engine.role(
        cloud,
        "machine",
        engine.trust({"Service": "states.amazonaws.com"}),
        engine.allow("lambda:InvokeFunction", "states:StartExecution", "states:DescribeExecution"),
        engine.allow("states:StopExecution"),
    )
    return World(cloud, engine.client(cloud, "stepfunctions"), role)


def make(world: World, name: str, states: dict[str, Any], **more: Any) -> str:
    return engine.machine(world.cloud, name, world.role, states, **more)


def test_jsonata_waits_and_times_go_by_the_simulated_clock(world: World) -> None:
    enter = {"now": "{% $states.context.State.EnteredTime %}"}
    arn = make(
        world,
        "times",
        {
            "Begin": {"Type": "Pass", "Assign": {"begun": enter["now"]}, "Next": "Wait"},
            "Wait": {"Type": "Wait", "Seconds": 300, "Next": "Work"},
            "Work": {
                **engine.task("work"),
                "Arguments": {"FunctionName": "work", "Payload": {"key": "t", **enter}},
                "Output": "{% ($toMillis($states.result.Payload.now) - $toMillis($begun)) / 1000 %}",
            },
        },
    )
    done = engine.run(world.cloud, arn)
    assert engine.output(done) == pytest.approx(300, abs=120)
    assert timedelta(seconds=299) < done["stopDate"] - done["startDate"] < timedelta(seconds=900)
    history = world.states.get_execution_history(executionArn=done["executionArn"])["events"]
    assert history[-1]["timestamp"] - history[0]["timestamp"] > timedelta(seconds=299)


def test_retry_and_catch_go_by_the_class_of_the_exception(world: World) -> None:
    retry = [{"ErrorEquals": ["BusyError"], "IntervalSeconds": 30, "MaxAttempts": 3, "BackoffRate": 2}]
    catch = [{"ErrorEquals": ["BrokenError"], "Output": "{% $states.errorOutput %}", "Next": "Failed"}]
    arn = make(
        world,
        "errors",
        {"Work": engine.task("work", Retry=retry, Catch=catch), "Failed": {"Type": "Succeed"}},
    )
    assert engine.output(engine.run(world.cloud, arn, {"key": "b", "busy": 2}))["tries"] == 3
    failed = engine.output(engine.run(world.cloud, arn, {"key": "c", "broken": True}))
    cause = json.loads(failed["Cause"])
    assert (failed["Error"], cause["errorMessage"]) == ("BrokenError", "no use")
    assert "raise BrokenError" in "".join(cause["stackTrace"])


def test_a_map_catches_per_item(world: World) -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Output": "{% $states.errorOutput.Error %}", "Next": "Lost"}]
    arn = make(
        world,
        "map",
        {
            "Each": {
                "Type": "Map",
                "Items": "{% $states.input %}",
                "MaxConcurrency": 4,
                "ItemProcessor": {
                    "ProcessorConfig": {"Mode": "INLINE"},
                    "StartAt": "Work",
                    "States": {
                        "Work": engine.task("work", Output="{% $states.result.Payload.key %}", Catch=catch),
                        "Lost": {"Type": "Pass", "End": True},
                    },
                },
                "End": True,
            }
        },
    )
    items = [{"key": f"m{n}", "broken": n == 2} for n in range(5)]
    assert engine.output(engine.run(world.cloud, arn, items)) == ["m0", "m1", "BrokenError", "m3", "m4"]


def test_a_nested_machine_returns_its_output_and_its_failure(world: World) -> None:
    child = make(world, "child", {"Work": engine.task("work")})
    start = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Arguments": {"StateMachineArn": child, "Input": "{% $states.input %}"},
        "Output": "{% $states.result.Output.key %}",
        "Catch": [
            {
                "ErrorEquals": ["States.TaskFailed"],
                "Output": "{% $parse($states.errorOutput.Cause).Error %}",
                "Next": "Failed",
            }
        ],
        "End": True,
    }
    arn = make(world, "parent", {"Start": start, "Failed": {"Type": "Succeed"}})
    assert engine.output(engine.run(world.cloud, arn, {"key": "n"})) == "n"
    assert engine.output(engine.run(world.cloud, arn, {"key": "n", "broken": True})) == "BrokenError"


def test_stopping_a_parent_stops_its_child_and_reports_it_as_an_event(world: World) -> None:
    cloud = world.cloud
    child = make(world, "sleeper", {"Wait": {"Type": "Wait", "Seconds": 86_400, "End": True}})
    nested = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Arguments": {"StateMachineArn": child, "Input": {}},
        "End": True,
    }
    arn = make(world, "stopped", {"Start": nested})
    events, sqs = engine.client(cloud, "events"), engine.client(cloud, "sqs")
    queue = sqs.create_queue(QueueName="aborted")["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    pattern = {"source": ["aws.states"], "detail": {"status": ["ABORTED"], "stateMachineArn": [arn]}}
    events.put_rule(Name="aborted", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="aborted", Targets=[{"Id": "queue", "Arn": queue_arn}])
    parent = world.states.start_execution(stateMachineArn=arn)["executionArn"]
    running = engine.until(
        lambda: world.states.list_executions(stateMachineArn=child, statusFilter="RUNNING")["executions"]
    )
    world.states.stop_execution(executionArn=parent, error="Operator", cause="enough")
    done = engine.ended(cloud, parent)
    assert (done["status"], done["error"], done["cause"]) == ("ABORTED", "Operator", "enough")
    assert engine.event_types(cloud, parent)[-1] == "ExecutionAborted"
    assert engine.ended(cloud, running[0]["executionArn"])["status"] == "ABORTED"
    (message,) = engine.until(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"))
    event = json.loads(message["Body"])
    assert event["detail-type"] == "Step Functions Execution Status Change"
    assert event["resources"] == [parent]
    assert (event["detail"]["status"], event["detail"]["cause"]) == ("ABORTED", "enough")


def test_a_redrive_goes_on_at_the_failed_state_with_its_input_and_variables(world: World) -> None:
    arn = make(
        world,
        "redrive",
        {
            "Begin": {"Type": "Pass", "Assign": {"plan": "{% $states.input.plan %}"}, "Next": "Work"},
            "Work": engine.task(
                "work",
                Output={"tries": "{% $states.result.Payload.tries %}", "plan": "{% $plan %}"},
                Next="End",
            ),
            "End": {
                "Type": "Pass",
                "Output": "{% $merge([$states.input, {'count': $states.context.Execution.RedriveCount}]) %}",
                "End": True,
            },
        },
    )
    failed = engine.run(world.cloud, arn, {"key": "r", "busy": 1, "plan": 'the "main" one'})
    assert (failed["status"], failed["error"], failed["redriveStatus"]) == (
        "FAILED",
        "BusyError",
        "REDRIVABLE",
    )
    world.states.redrive_execution(executionArn=failed["executionArn"])
    done = engine.ended(world.cloud, failed["executionArn"])
    assert engine.output(done) == {"tries": 2, "plan": 'the "main" one', "count": 1}
    assert (done["redriveCount"], done["redriveStatus"]) == (1, "NOT_REDRIVABLE")
    types = engine.event_types(world.cloud, done["executionArn"])
    assert types.count("ExecutionStarted") == 1
    assert types[types.index("ExecutionFailed") + 1] == "ExecutionRedriven"
    with pytest.raises(ClientError, match="ExecutionNotRedrivable"):
        world.states.redrive_execution(executionArn=failed["executionArn"])


def test_a_task_token_comes_back(world: World) -> None:
    cloud = world.cloud
    own = engine.role(cloud, "asker", engine.trust({"Service": "lambda.amazonaws.com"}))
    engine.function(cloud, "ask", own, "def handler(event, context): print('token', event['token'])")
    ask = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Arguments": {"FunctionName": "ask", "Payload": {"token": "{% $states.context.Task.Token %}"}},
        "Catch": [{"ErrorEquals": ["Rejected"], "Output": "{% $states.errorOutput %}", "Next": "No"}],
        "End": True,
    }
    arn = make(world, "approval", {"Ask": ask, "No": {"Type": "Succeed"}})

    def token(execution: str) -> str:
        def scheduled() -> Any:
            for event in world.states.get_execution_history(executionArn=execution)["events"]:
                if event["type"] == "TaskSubmitted":
                    return True
            return None

        engine.until(scheduled)
        for event in world.states.get_execution_history(executionArn=execution)["events"]:
            if event["type"] == "TaskScheduled":
                parameters = json.loads(event["taskScheduledEventDetails"]["parameters"])
                return str(parameters["Payload"]["token"])
        raise AssertionError("no task was scheduled")

    yes = world.states.start_execution(stateMachineArn=arn)["executionArn"]
    world.states.send_task_heartbeat(taskToken=token(yes))
    world.states.send_task_success(taskToken=token(yes), output='{"approved": true}')
    assert engine.output(engine.ended(cloud, yes)) == {"approved": True}
    with pytest.raises(ClientError, match=r"TaskDoesNotExist|TaskTimedOut"):
        world.states.send_task_success(taskToken=token(yes), output="{}")
    no = world.states.start_execution(stateMachineArn=arn)["executionArn"]
    world.states.send_task_failure(taskToken=token(no), error="Rejected", cause="not today")
    assert engine.output(engine.ended(cloud, no)) == {"Error": "Rejected", "Cause": "not today"}


def test_a_token_that_stays_away_is_missed_by_the_simulated_clock(world: World) -> None:
    own = engine.role(world.cloud, "quiet", engine.trust({"Service": "lambda.amazonaws.com"}))
    engine.function(world.cloud, "quiet", own, "def handler(event, context): pass")
    ask = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Arguments": {"FunctionName": "quiet", "Payload": {"token": "{% $states.context.Task.Token %}"}},
        "TimeoutSeconds": 1800,
        "Catch": [{"ErrorEquals": ["States.Timeout"], "Output": "late", "Next": "Late"}],
        "End": True,
    }
    arn = make(world, "timeout", {"Ask": ask, "Late": {"Type": "Succeed"}})
    execution = engine.ended(world.cloud, world.states.start_execution(stateMachineArn=arn)["executionArn"])
    assert engine.output(execution) == "late"
    assert (execution["stopDate"] - execution["startDate"]).total_seconds() >= 1800


def test_a_name_starts_one_execution(world: World) -> None:
    arn = make(world, "once", {"Wait": {"Type": "Wait", "Seconds": 86_400, "End": True}})
    first = world.states.start_execution(stateMachineArn=arn, name="one", input='{"a": 1}')
    again = world.states.start_execution(stateMachineArn=arn, name="one", input='{ "a":1 }')
    assert (again["executionArn"], again["startDate"]) == (first["executionArn"], first["startDate"])
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        world.states.start_execution(stateMachineArn=arn, name="one", input='{"a": 2}')
    world.states.stop_execution(executionArn=first["executionArn"])
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        world.states.start_execution(stateMachineArn=arn, name="one", input='{"a": 1}')


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"name": "a b"}, "InvalidName"),
        ({"input": "{"}, "InvalidExecutionInput"),
        ({"input": json.dumps("x" * 262_144)}, "ValidationException"),
        (
            {"stateMachineArn": "arn:aws:states:us-east-1:111122223333:stateMachine:none"},
            "StateMachineDoesNotExist",
        ),
    ],
)
def test_starts_that_are_refused(world: World, arguments: dict[str, str], expected: str) -> None:
    known = world.states.list_state_machines()["stateMachines"]
    arn = known[0]["stateMachineArn"] if known else make(world, "any", {"End": {"Type": "Succeed"}})
    with pytest.raises(ClientError, match=expected):
        world.states.start_execution(**{"stateMachineArn": arn, **arguments})


def test_a_definition_that_is_contradictory_is_refused(world: World) -> None:
    broken = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "Nowhere"}}}
    found = world.states.validate_state_machine_definition(definition=json.dumps(broken))
    assert found["result"] == "FAIL"
    assert "Nowhere" in found["diagnostics"][0]["message"]
    with pytest.raises(ClientError, match="InvalidDefinition"):
        world.states.create_state_machine(name="broken", roleArn=world.role, definition=json.dumps(broken))


def test_an_alias_runs_its_version(world: World) -> None:
    states = world.states

    def definition(value: str) -> str:
        state = {"Type": "Pass", "Output": value, "End": True}
        return json.dumps({"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": state}})

    arn = states.create_state_machine(name="versions", roleArn=world.role, definition=definition("one"))[
        "stateMachineArn"
    ]
    version = states.publish_state_machine_version(stateMachineArn=arn)["stateMachineVersionArn"]
    states.update_state_machine(stateMachineArn=arn, definition=definition("two"))
    route = [{"stateMachineVersionArn": version, "weight": 100}]
    alias = states.create_state_machine_alias(name="live", routingConfiguration=route)["stateMachineAliasArn"]
    done = engine.run(world.cloud, alias)
    assert engine.output(done) == "one"
    assert (done["stateMachineVersionArn"], done["stateMachineAliasArn"]) == (version, alias)
    assert engine.output(engine.run(world.cloud, arn)) == "two"


def test_the_largest_payload_and_the_calls_are_known(world: World) -> None:
    arn = make(
        world, "large", {"A": {"Type": "Pass", "Output": {"text": "{% $pad('', 5000, 'x') %}"}, "End": True}}
    )
    done = engine.run(world.cloud, arn)
    measured = world.cloud.admin("GET", "/executions")
    (mine,) = [one for one in measured["executions"] if one["executionArn"] == done["executionArn"]]
    assert 5000 < mine["largestPayloadBytes"] < 5100
    assert (mine["transitions"], mine["status"]) == (1, "SUCCEEDED")
    assert mine["historyLength"] == len(engine.event_types(world.cloud, done["executionArn"]))
    assert measured["largestPayloadBytes"] >= mine["largestPayloadBytes"]
    before = world.cloud.admin("GET", "/calls")["calls"]["states"]["DescribeExecution"]
    world.states.describe_execution(executionArn=done["executionArn"])
    assert world.cloud.admin("GET", "/calls")["calls"]["states"]["DescribeExecution"] == before + 1
