"""Step Functions: start an execution by its name, and see whether one still runs."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import boto3

from shared.aws_errors import AwsCallError, calling
from shared.model import ExecutionStatus
from shared.store import ExecutionNotFoundError, ExecutionStore

ENDED = frozenset({"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"})


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
    """Whether an execution of the same state machine as ``sibling_arn`` is over, by our record or theirs.

    An execution that was stopped from outside may never have said goodbye, so Step Functions is asked too.
    """
    try:
        if store.execution(execution_id).status is not ExecutionStatus.RUNNING:
            return True
    except ExecutionNotFoundError:
        return True
    return has_ended(f"{sibling_arn.rsplit(':', 1)[0]}:{execution_id}")
