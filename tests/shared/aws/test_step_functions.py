"""Executions of Step Functions: started once per name, and over or not."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from functions.execution.launch import start_from_event
from shared.aws import step_functions
from shared.aws.errors import AccessDeniedError, AwsCallError
from shared.model.policies import Mode
from shared.model.status import ExecutionStatus
from shared.services import execution_liveness
from shared.task import TaskInputError
from tests import makers
from tests.handlers.estate import Estate
from tests.handlers.wire import Wire, refused_json

EVENT: dict[str, Any] = {
    "version": "0",
    "id": "11111111-2222-3333-4444-555555555555",
    "source": "drs-orchestrator.dr",
    "detail-type": "Disaster Declared",
    "detail": {"plan": "erp", "reason": "us-east-1 is down"},
}


@pytest.fixture
def machine(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> str:
    """The failover as a state machine that waits; the functions know its ARN and that of the failback."""
    definition = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 1000, "End": True}}}
    arns = {
        name: str(
            boto3.client("stepfunctions").create_state_machine(
                name=f"stack-{name}",
                definition=json.dumps(definition),
                roleArn="arn:aws:iam::123456789012:role/states",
            )["stateMachineArn"]
        )
        for name in ("failover", "failback")
    }
    for name, arn in arns.items():
        monkeypatch.setenv(f"{name.upper()}_STATE_MACHINE_ARN", arn)
    return arns["failover"]


def execution_arn(machine: str, name: str) -> str:
    return f"{machine.replace(':stateMachine:', ':execution:')}:{name}"


def test_a_declared_disaster_starts_the_failover(estate: Estate, machine: str) -> None:
    answer = start_from_event.handler(EVENT, None)
    name = f"event-{EVENT['id']}"
    assert answer == {"executionName": name, "started": True}
    states = boto3.client("stepfunctions")
    request = json.loads(states.describe_execution(executionArn=execution_arn(machine, name))["input"])
    assert request == {"plan": "erp", "reason": "us-east-1 is down", "startedBy": "EVENT"}


def test_an_event_can_ask_for_the_failback(estate: Estate, machine: str) -> None:
    event = {**EVENT, "detail": {**EVENT["detail"], "mode": "FAILBACK"}}
    assert start_from_event.handler(event, None)["started"]
    started = boto3.client("stepfunctions").list_executions(
        stateMachineArn=machine.replace("failover", "failback")
    )
    assert len(started["executions"]) == 1


def test_the_same_event_delivered_twice_starts_one_execution(estate: Estate, machine: str) -> None:
    started = [start_from_event.handler(EVENT, None)["started"] for _ in range(3)]
    assert started[0] is True
    assert len(boto3.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]) == 1


def test_an_execution_of_that_name_with_another_input_is_left_alone(estate: Estate, machine: str) -> None:
    assert step_functions.start(machine, "one", {"plan": "erp"})
    assert not step_functions.start(machine, "one", {"plan": "another"})


def test_other_refusals_of_step_functions_are_errors(estate: Estate, machine: str, wire: Wire) -> None:
    wire.on("sfn", "StartExecution", refused_json("AccessDeniedException"))
    with pytest.raises(AccessDeniedError):
        step_functions.start(machine, "one", {})
    wire.off("sfn", "StartExecution")
    with pytest.raises(AwsCallError, match="StateMachineDoesNotExist"):
        step_functions.start(machine.replace("failover", "unknown"), "one", {})


@pytest.mark.parametrize(
    "change",
    [
        {"detail": {"plan": "erp"}},
        {"detail-type": "Weather"},
        {"detail": {"plan": "erp", "reason": "x", "mode": "HOLIDAY"}},
        {"id": None},
    ],
)
def test_an_event_that_breaks_the_contract_starts_nothing(
    estate: Estate, machine: str, change: dict[str, Any]
) -> None:
    assert "refused" in start_from_event.handler({**EVENT, **change}, None)
    assert not boto3.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]


def test_an_event_without_an_id_is_refused(estate: Estate, machine: str) -> None:
    event = {key: value for key, value in EVENT.items() if key != "id"}
    with pytest.raises(TaskInputError, match="'id'"):
        start_from_event.handler(event, None)


def test_an_execution_has_ended_when_step_functions_reports_it(
    estate: Estate, machine: str, wire: Wire
) -> None:
    step_functions.start(machine, "one", {})
    arn = execution_arn(machine, "one")
    assert not step_functions.has_ended(arn)
    boto3.client("stepfunctions").stop_execution(executionArn=arn)
    assert step_functions.has_ended(arn)
    assert step_functions.has_ended(execution_arn(machine, "never")), "one that does not exist does not run"
    wire.on("sfn", "DescribeExecution", refused_json("AccessDeniedException"))
    assert not step_functions.has_ended(arn), "not known is not over"


def test_an_execution_is_over_by_our_record_or_by_step_functions(estate: Estate, machine: str) -> None:
    sibling = execution_arn(machine, "sibling")
    assert execution_liveness.execution_is_over(estate.store, "unrecorded", sibling)
    for name, status in (("ended", ExecutionStatus.FAILED), ("running", ExecutionStatus.RUNNING)):
        estate.store.open(makers.execution(execution_id=name, status=status), {}, estate.clock.now())
    assert execution_liveness.execution_is_over(estate.store, "ended", sibling)
    step_functions.start(machine, "running", {})
    assert not execution_liveness.execution_is_over(estate.store, "running", sibling)
    boto3.client("stepfunctions").stop_execution(executionArn=execution_arn(machine, "running"))
    assert execution_liveness.execution_is_over(estate.store, "running", sibling), "stopped without a goodbye"


@pytest.mark.parametrize("mode", Mode)
def test_a_holder_is_asked_for_at_its_own_state_machine(estate: Estate, machine: str, mode: Mode) -> None:
    """A failback that looked for a failover among the failbacks would find none, and take its locks."""
    record = makers.execution(execution_id="holder", mode=mode, status=ExecutionStatus.RUNNING)
    estate.store.open(record, {}, estate.clock.now())
    own = machine.replace("failover", "failback") if mode is Mode.FAILBACK else machine
    step_functions.start(own, "holder", {})
    for sibling in (machine, machine.replace("failover", "failback")):
        assert not execution_liveness.execution_is_over(estate.store, "holder", execution_arn(sibling, "me"))
    boto3.client("stepfunctions").stop_execution(executionArn=execution_arn(own, "holder"))
    assert execution_liveness.execution_is_over(estate.store, "holder", execution_arn(machine, "me"))
