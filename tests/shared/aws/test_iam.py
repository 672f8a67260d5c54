"""IAM as far as the checks look at it: a profile's policies, and what a role may do."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from shared.aws.cross_account import MemberAccounts
from shared.aws.errors import AwsCallError
from shared.aws.iam import IamClient
from shared.model.iam import Permissions, Question
from shared.rules.launch.launch_permissions import launch_questions, stop_questions
from tests.handlers.estate import HUB, RECOVERY, Estate
from tests.handlers.wire import Wire, refused, simulation

ARN = f"arn:aws:drs:us-east-2:{RECOVERY.account}:source-server/s-1"


@pytest.fixture
def iam(estate: Estate) -> IamClient:
    return IamClient(MemberAccounts("drs-orchestrator-query", "an-external-id"), RECOVERY)


def member_iam() -> Any:
    sts = boto3.client("sts", region_name=HUB.region)
    role = f"arn:aws:iam::{RECOVERY.account}:role/everything"
    keys = sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return boto3.client(
        "iam",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


def test_a_profile_carries_the_policies_of_its_role(iam: IamClient) -> None:
    client = member_iam()
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    client.create_role(RoleName="recovery", AssumeRolePolicyDocument=trust)
    client.create_instance_profile(InstanceProfileName="recovery")
    client.add_role_to_instance_profile(InstanceProfileName="recovery", RoleName="recovery")
    names = [f"Policy{number:03}" for number in range(3)]
    for name in names:
        policy = client.create_policy(
            PolicyName=name,
            PolicyDocument=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
                }
            ),
        )["Policy"]["Arn"]
        client.attach_role_policy(RoleName="recovery", PolicyArn=policy)
    arn = f"arn:aws:iam::{RECOVERY.account}:instance-profile/path/recovery"
    assert sorted(iam.profile_policies(arn) or ()) == names


def test_a_profile_that_cannot_be_read_says_nothing(iam: IamClient, wire: Wire) -> None:
    arn = f"arn:aws:iam::{RECOVERY.account}:instance-profile/none"
    assert iam.profile_policies(arn) is None
    wire.on("iam", "GetInstanceProfile", refused("AccessDenied", status=403))
    assert iam.profile_policies(arn) is None


def test_the_role_of_the_account_is_asked_about_resource_by_resource(iam: IamClient, wire: Wire) -> None:
    questions = launch_questions(ARN, "i-1")
    wire.clear()
    assert iam.permissions("drs-orchestrator-execution-launch", questions) == Permissions()
    calls = wire.of("SimulatePrincipalPolicy")
    assert len(calls) == len(questions)
    assert {call.form["PolicySourceArn"][0] for call in calls} == {
        f"arn:aws:iam::{RECOVERY.account}:role/drs-orchestrator-execution-launch"
    }
    assert [call.form["ResourceArns.member.1"][0] for call in calls] == [q.resource_arn for q in questions]
    assert calls[1].form["ContextEntries.member.1.ContextKeyName"] == ["ec2:ResourceTag/AWSDRS"]


def test_each_denied_action_is_named_once(iam: IamClient, wire: Wire) -> None:
    wire.on("iam", "SimulatePrincipalPolicy", simulation("ec2:AttachVolume", "drs:StartRecovery"))
    denied = ("drs:StartRecovery", "ec2:AttachVolume")
    assert iam.permissions("role", launch_questions(ARN, "i-1")) == Permissions(denied)


def test_where_simulating_is_not_allowed_nothing_is_known(iam: IamClient, wire: Wire) -> None:
    wire.on("iam", "SimulatePrincipalPolicy", refused("AccessDenied", status=403))
    answer = iam.permissions("role", launch_questions(ARN, "i-1"))
    assert answer.unanswered
    assert "AccessDenied" in answer.unanswered
    assert answer.denied == ()


def test_each_role_is_asked_what_it_is_for(iam: IamClient, wire: Wire) -> None:
    asked = {"launch": launch_questions(ARN, "i-1"), "stop": stop_questions(ARN, "i-1")}
    assert iam.permissions_of_roles(asked) == Permissions()
    roles = {
        name: {
            call.form["PolicySourceArn"][0].rsplit("/", 1)[-1]
            for call in wire.of("SimulatePrincipalPolicy")
            if name in call.form["ActionNames.member.1"]
        }
        for name in ("drs:StartRecovery", "ec2:StopInstances")
    }
    assert roles == {"drs:StartRecovery": {"launch"}, "ec2:StopInstances": {"stop"}}
    wire.on("iam", "SimulatePrincipalPolicy", simulation("ec2:StopInstances"))
    assert iam.permissions_of_roles(asked) == Permissions(("ec2:StopInstances",))
    wire.on("iam", "SimulatePrincipalPolicy", refused("AccessDenied", status=403))
    assert iam.permissions_of_roles(asked).unanswered


def test_a_role_that_is_not_there_is_a_failure(iam: IamClient, wire: Wire) -> None:
    wire.on("iam", "SimulatePrincipalPolicy", refused("NoSuchEntity", "no role", 404))
    with pytest.raises(AwsCallError, match="no role"):
        iam.permissions("role", [Question(("drs:StartRecovery",), ARN)])


def test_other_partitions_keep_theirs() -> None:
    arn = "arn:aws-cn:drs:cn-north-1:444455556666:source-server/s-1"
    assert {question.partition for question in launch_questions(arn, "i-1")} == {"aws-cn"}
