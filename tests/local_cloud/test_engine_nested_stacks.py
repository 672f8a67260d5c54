"""The local cloud transforms nested stacks, too, and wants the capabilities that AWS wants."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from local.ministack import LocalCloud
from tests.local_cloud.engine import client

ROLE = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}],
}
CHILD: dict[str, Any] = {
    "Transform": "AWS::Serverless-2016-10-31",
    "Parameters": {"Name": {"Type": "String"}},
    "Resources": {
        "Plans": {
            "Type": "AWS::Serverless::SimpleTable",
            "Properties": {"TableName": {"Ref": "Name"}, "PrimaryKey": {"Name": "name", "Type": "String"}},
        },
        "Machine": {
            "Type": "AWS::Serverless::StateMachine",
            "Properties": {
                "Definition": {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}},
                "Policies": [ROLE],
            },
        },
    },
    "Outputs": {"Table": {"Value": {"Ref": "Plans"}}, "Machine": {"Value": {"Ref": "Machine"}}},
}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    log: Path = tmp_path_factory.mktemp("cloud") / "cloud.log"
    with LocalCloud.start(log=log) as running:
        yield running


def create(cloud: LocalCloud, name: str, child: dict[str, Any], *capabilities: str) -> dict[str, Any]:
    """The stack as it ends."""
    s3, cloudformation = client(cloud, "s3"), client(cloud, "cloudformation")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="child.json", Body=json.dumps(child).encode())
    parent = {
        "Resources": {
            "Nested": {
                "Type": "AWS::CloudFormation::Stack",
                "Properties": {
                    "TemplateURL": f"{cloud.endpoint}/{name}/child.json",
                    "Parameters": {"Name": "plans"},
                },
            }
        },
        "Outputs": {
            key: {"Value": {"Fn::GetAtt": ["Nested", f"Outputs.{key}"]}} for key in ("Table", "Machine")
        },
    }
    cloudformation.create_stack(
        StackName=name, TemplateBody=json.dumps(parent), Capabilities=list(capabilities)
    )
    try:
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName=name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 100}
        )
    finally:
        [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
    return dict(stack)


def test_a_nested_stack_with_sam_resources_is_made(cloud: LocalCloud) -> None:
    stack = create(cloud, "whole", CHILD, "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND")
    outputs = {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}
    table = client(cloud, "dynamodb").describe_table(TableName=outputs["Table"])["Table"]
    assert table["TableName"] == "plans"
    assert table["KeySchema"] == [{"AttributeName": "name", "KeyType": "HASH"}]
    machine = client(cloud, "stepfunctions").describe_state_machine(stateMachineArn=outputs["Machine"])
    assert json.loads(machine["definition"])["StartAt"] == "End"
    role = machine["roleArn"].rsplit("/", 1)[-1]
    assert client(cloud, "iam").list_role_policies(RoleName=role)["PolicyNames"]


def test_a_nested_stack_that_cannot_be_transformed_is_refused(cloud: LocalCloud) -> None:
    broken = {**CHILD, "Resources": {"Plans": {"Type": "AWS::Serverless::Nothing"}}}
    with pytest.raises((ClientError, WaiterError)):
        create(cloud, "broken", broken, "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND")
