"""Help for the tests that talk to a running local cloud: clients, roles, functions, machines."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config

from local.ministack import LocalCloud

HUB, MEMBER, REGION = "111122223333", "444455556666", "us-east-1"
_CONFIG = Config(retries={"total_max_attempts": 1})


def client(cloud: LocalCloud, service: str, account: str = HUB, **credentials: str) -> Any:
    """A client of the account's root, or of a session."""
    keys = credentials or {"aws_access_key_id": account, "aws_secret_access_key": "x"}
    session: Any = boto3.session.Session()
    return session.client(service, endpoint_url=cloud.endpoint, region_name=REGION, config=_CONFIG, **keys)


def session(cloud: LocalCloud, role_arn: str, caller: Any = None, **more: str) -> dict[str, str]:
    """Credentials of a role, assumed by ``caller`` (an STS client; default: the hub's root)."""
    found = (caller or client(cloud, "sts")).assume_role(RoleArn=role_arn, RoleSessionName="test", **more)
    return {
        "aws_access_key_id": found["Credentials"]["AccessKeyId"],
        "aws_secret_access_key": found["Credentials"]["SecretAccessKey"],
        "aws_session_token": found["Credentials"]["SessionToken"],
    }


def allow(*actions: str, resource: Any = "*", **condition: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return {**statement, "Condition": condition} if condition else statement


def deny(*actions: str, resource: Any = "*", **condition: Any) -> dict[str, Any]:
    return {**allow(*actions, resource=resource, **condition), "Effect": "Deny"}


def trust(principal: dict[str, Any], **condition: Any) -> str:
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    if condition:
        statement["Condition"] = condition
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def role(cloud: LocalCloud, name: str, trusted: str, *statements: dict[str, Any], account: str = HUB) -> str:
    """Make a role and return its ARN."""
    iam = client(cloud, "iam", account)
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusted)["Role"]["Arn"]
    if statements:
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document)
    return arn


def zipped(**files: str) -> bytes:
    """A zip archive; ``__`` in a name is a slash."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "/") + ".py", text)
    return buffer.getvalue()


def function(cloud: LocalCloud, name: str, role_arn: str, code: str, **more: Any) -> str:
    """Make a Python function with ``handler`` in ``code`` and return its ARN."""
    made = client(cloud, "lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role=role_arn,
        Handler="index.handler",
        Code={"ZipFile": zipped(index=code)},
        Timeout=more.pop("timeout", 10),
        **more,
    )
    return str(made["FunctionArn"])


def invoke(cloud: LocalCloud, name: str, event: Any = None) -> tuple[str | None, Any]:
    """The error kind (None: no error) and the payload."""
    answer = client(cloud, "lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    return answer.get("FunctionError"), json.load(answer["Payload"])


def task(function_name: str, **fields: Any) -> dict[str, Any]:
    """A JSONata Task state that invokes a function with its input and answers the payload."""
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": function_name, "Payload": "{% $states.input %}"},
        "Output": "{% $states.result.Payload %}",
        **({} if "Next" in fields else {"End": True}),
        **fields,
    }


def machine(cloud: LocalCloud, name: str, role_arn: str, states: dict[str, Any], **more: Any) -> str:
    """Make a JSONata machine that starts at the first state, and return its ARN."""
    definition = {"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states, **more}
    made = client(cloud, "stepfunctions").create_state_machine(
        name=name, roleArn=role_arn, definition=json.dumps(definition)
    )
    return str(made["stateMachineArn"])


def until(happened: Callable[[], Any], seconds: float = 15.0) -> Any:
    """What ``happened`` returns once it is truthy; fails after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not (result := happened()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
    return result


def ended(cloud: LocalCloud, execution: str) -> dict[str, Any]:
    """The description of an execution once it is over."""
    states = client(cloud, "stepfunctions")

    def over() -> Any:
        found = states.describe_execution(executionArn=execution)
        return found if found["status"] != "RUNNING" else None

    found: dict[str, Any] = until(over)
    return found


def run(cloud: LocalCloud, machine_arn: str, value: Any = None, **more: Any) -> dict[str, Any]:
    """Start an execution and return its description once it is over."""
    started = client(cloud, "stepfunctions").start_execution(
        stateMachineArn=machine_arn, input=json.dumps(value if value is not None else {}), **more
    )
    return ended(cloud, started["executionArn"])


def output(execution: dict[str, Any]) -> Any:
    """The output of an execution that succeeded."""
    assert execution["status"] == "SUCCEEDED", (execution.get("error"), execution.get("cause"))
    return json.loads(execution["output"])


def event_types(cloud: LocalCloud, execution: str) -> list[str]:
    """The types of an execution's history."""
    pages = client(cloud, "stepfunctions").get_paginator("get_execution_history")
    return [event["type"] for page in pages.paginate(executionArn=execution) for event in page["events"]]
