"""Starts executions and asks how they stand, as an operator would: through Step Functions."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from local.cli.client import Cloud
from local.cli.state import State
from local.errors import CommandError
from shared.model.policies import Mode

MACHINES = {
    Mode.FAILOVER: "FailoverStateMachineArn",
    Mode.DRILL: "FailoverStateMachineArn",
    Mode.FAILBACK: "FailbackStateMachineArn",
}
"""The output of the orchestration stack that names the state machine of each mode."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How an execution stands for Step Functions. ``output`` is its JSON output once it has succeeded."""

    status: str
    output: dict[str, Any] | None = None
    error: str | None = None
    cause: str | None = None

    @property
    def ended(self) -> bool:
        return self.status != "RUNNING"


def start(cloud: Cloud, there: State, request: dict[str, Any], name: str | None = None) -> str:
    """StartExecution of the machine for the request's mode; gives the ARN. Raises CommandError."""
    states = cloud.client("stepfunctions", there.account, there.region)
    mode = Mode(request.get("mode", Mode.FAILOVER))
    try:
        answer = states.start_execution(
            stateMachineArn=there.output(MACHINES[mode]),
            name=name or f"{_plan_name(request)}-{mode.value.lower()}-{uuid.uuid4().hex[:8]}",
            input=json.dumps(request),
        )
    except ClientError as error:
        raise CommandError(f"StartExecution was refused: {error.response['Error'].get('Message')}") from error
    arn: str = answer["executionArn"]
    return arn


def standing(cloud: Cloud, there: State, arn: str) -> Standing:
    """How the execution stands now. Raises CommandError when there is none of this ARN."""
    states = cloud.client("stepfunctions", there.account, there.region)
    try:
        found = states.describe_execution(executionArn=arn)
    except ClientError as error:
        raise CommandError(f"No execution {arn}: {error.response['Error'].get('Message')}") from error
    output = json.loads(found["output"]) if found.get("output") else None
    return Standing(found["status"], output, found.get("error"), found.get("cause"))


def latest(cloud: Cloud, there: State) -> str:
    """The ARN of the execution that was started last. Raises CommandError when there is none."""
    states = cloud.client("stepfunctions", there.account, there.region)
    found = [
        execution
        for machine in dict.fromkeys(MACHINES.values())
        for execution in states.list_executions(stateMachineArn=there.output(machine))["executions"]
    ]
    if not found:
        raise CommandError("Nothing was started yet.\nRun: python -m local start PLAN")
    arn: str = max(found, key=lambda execution: execution["startDate"])["executionArn"]
    return arn


def _plan_name(request: dict[str, Any]) -> str:
    """What to call an execution after: its plan, or the failover that it takes back."""
    plan = request.get("plan") or request["failover"]
    return str(plan if isinstance(plan, str) else plan["name"])
