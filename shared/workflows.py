"""Step Functions: start and stop executions by their names, and see whether one still runs."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import boto3

from shared.aws_errors import AwsCallError, calling
from shared.model import ExecutionStatus, Mode
from shared.store import ExecutionNotFoundError, ExecutionStore

ENDED = frozenset({"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"})

_MACHINES = {Mode.FAILOVER: "failover", Mode.DRILL: "failover", Mode.FAILBACK: "failback"}
"""Which state machine runs which mode: the end of its name, after the name of the stack (template.yaml)."""


def start(state_machine_arn: str, name: str, request: dict[str, Any]) -> bool:
    """Start an execution called ``name``. False if one of that name exists: Step Functions keeps names for
    90 days, which makes the name an idempotency token (Step Functions API reference, StartExecution)."""
    try:
        with calling("StartExecution", name):
            _states().start_execution(stateMachineArn=state_machine_arn, name=name, input=json.dumps(request))
    except AwsCallError as error:
        if error.code == "ExecutionAlreadyExists":
            return False
        raise
    return True


def has_ended(execution_arn: str) -> bool:
    """Whether Step Functions says that the execution is over. False also where it cannot be asked."""
    try:
        with calling("DescribeExecution", execution_arn):
            status = _states().describe_execution(executionArn=execution_arn)["status"]
    except AwsCallError as error:
        return error.code == "ExecutionDoesNotExist"
    return status in ENDED


@cache
def _states() -> Any:
    return boto3.client("stepfunctions")


def execution_is_over(store: ExecutionStore, execution_id: str, sibling_arn: str) -> bool:
    """Whether an execution of the same stack as ``sibling_arn`` is over, by our record or Step Functions'.

    An execution that was stopped from outside may never have said goodbye, so Step Functions is asked too.
    """
    try:
        record = store.execution(execution_id)
    except ExecutionNotFoundError:
        return True
    if record.status is not ExecutionStatus.RUNNING:
        return True
    return has_ended(arn_of(execution_id, record.mode, sibling_arn))


def arn_of(execution_id: str, mode: Mode, sibling_arn: str) -> str:
    """The ARN of an execution of this mode, in the stack of ``sibling_arn`` (an execution of any mode)."""
    head, machine, _ = sibling_arn.rsplit(":", 2)
    for name in set(_MACHINES.values()):
        machine = machine.removesuffix(name)
    return f"{head}:{machine}{_MACHINES[mode]}:{execution_id}"
