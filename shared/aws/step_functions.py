"""Step Functions: start and stop executions by their names, and see whether one still runs."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any

import boto3

from shared.aws.cross_account import OWN
from shared.aws.errors import AwsCallError, calling
from shared.model.policies import Mode

ENDED = frozenset({"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"})

_MACHINES = {Mode.FAILOVER: "failover", Mode.DRILL: "failover", Mode.FAILBACK: "failback"}
"""Which state machine runs which mode: the end of its name, after the name of the stack (template.yaml)."""
CLEAN_UP = "drill-cleanup"
PREPARE = "prepare"
AFTER_STOP = "-cleanup-after-stop"
NOT_WAITING = ("TaskDoesNotExist", "TaskTimedOut", "InvalidToken")
"""A token whose task does not wait for it any more."""
NAME_LIMIT = 80
"""Step Functions takes execution names of at most 80 characters (API reference, StartExecution)."""


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


def answer(token: str, output: dict[str, Any]) -> bool:
    """Answer a task that waits for its token. False if it does not wait any more."""
    try:
        with calling("SendTaskSuccess", "a waiting task"):
            _states().send_task_success(taskToken=token, output=json.dumps(output))
    except AwsCallError as error:
        if error.code in NOT_WAITING:
            return False
        raise
    return True


def reject(token: str, error: str, cause: str) -> bool:
    """Fail a task that waits for its token. False if it does not wait any more."""
    try:
        with calling("SendTaskFailure", "a waiting task"):
            _states().send_task_failure(taskToken=token, error=error, cause=cause)
    except AwsCallError as refused:
        if refused.code in NOT_WAITING:
            return False
        raise
    return True


def has_ended(execution_arn: str) -> bool:
    """Whether the execution is over in Step Functions. False also where it cannot be asked."""
    try:
        with calling("DescribeExecution", execution_arn):
            status = _states().describe_execution(executionArn=execution_arn)["status"]
    except AwsCallError as error:
        return error.code == "ExecutionDoesNotExist"
    return status in ENDED


@cache
def _states() -> Any:
    return boto3.client("stepfunctions", config=OWN)


def arn_of(execution_id: str, mode: Mode, sibling_arn: str) -> str:
    """The ARN of an execution of this mode, in the stack of ``sibling_arn`` (an execution of any mode)."""
    return in_stack_of(sibling_arn, _MACHINES[mode], execution_id)


def clean_up_machine(sibling_arn: str) -> str:
    """The ARN of the state machine that cleans up after drills, in the stack of ``sibling_arn``."""
    arn = in_stack_of(sibling_arn, CLEAN_UP, "")
    return arn.removesuffix(":").replace(":execution:", ":stateMachine:")


def clean_up_name(execution_id: str, attempt: int = 1) -> str:
    """The name of a clean-up after a stopped drill: always the same, one for each drill and attempt."""
    suffix = AFTER_STOP if attempt == 1 else f"{AFTER_STOP}-{attempt}"
    if len(execution_id) + len(suffix) <= NAME_LIMIT:
        return execution_id + suffix
    digest = sha256(execution_id.encode()).hexdigest()[:12]
    return f"{execution_id[: NAME_LIMIT - len(suffix) - 13]}-{digest}{suffix}"


def in_stack_of(sibling_arn: str, machine: str, execution_name: str) -> str:
    head, sibling, _ = sibling_arn.rsplit(":", 2)
    for name in (*_MACHINES.values(), CLEAN_UP, PREPARE):
        sibling = sibling.removesuffix(name)
    return f"{head}:{sibling}{machine}:{execution_name}"


def ended_at(execution_arn: str) -> datetime | None:
    """When an execution ended in Step Functions; None while it runs or if it is unknown."""
    try:
        with calling("DescribeExecution", execution_arn):
            described = _states().describe_execution(executionArn=execution_arn)
    except AwsCallError as error:
        if error.code == "ExecutionDoesNotExist":
            return None
        raise
    stopped: datetime | None = described.get("stopDate")
    return stopped


def stop(execution_arn: str, error: str, cause: str) -> None:
    """StopExecution. Stopping one that has ended changes nothing."""
    with calling("StopExecution", execution_arn):
        _states().stop_execution(executionArn=execution_arn, error=error, cause=cause)
