"""Which resources a request is authorized on."""

from __future__ import annotations

import json

import pytest

from local.ministack.iam_leading_keys import written_keys
from local.ministack.iam_resources import Check, drs_checks, ec2_checks, ssm_checks

REGION, ACCOUNT = "us-east-2", "111122223333"
EC2 = f"arn:aws:ec2:{REGION}:{ACCOUNT}"
DRS = f"arn:aws:drs:{REGION}:{ACCOUNT}"


def arns(checks: tuple[Check, ...]) -> list[str]:
    return [check.arn for check in checks]


def test_a_batch_is_checked_on_each_instance() -> None:
    params = {"Action": ["StartInstances"], "InstanceId.1": ["i-1"], "InstanceId.2": ["i-2"]}
    assert arns(ec2_checks(params, REGION, ACCOUNT)) == [f"{EC2}:instance/i-1", f"{EC2}:instance/i-2"]


def test_a_describe_takes_no_resource() -> None:
    params = {"Action": ["DescribeInstances"], "InstanceId.1": ["i-1"]}
    assert arns(ec2_checks(params, REGION, ACCOUNT)) == ["*"]


def test_attaching_needs_the_volume_and_the_instance() -> None:
    params = {
        "Action": ["AttachVolume"],
        "VolumeId": ["vol-1"],
        "InstanceId": ["i-1"],
        "Device": ["/dev/xvda"],
    }
    assert set(arns(ec2_checks(params, REGION, ACCOUNT))) == {f"{EC2}:volume/vol-1", f"{EC2}:instance/i-1"}


def test_tags_on_what_is_created_need_create_tags_with_the_creating_action() -> None:
    params = {
        "Action": ["CreateVolume"],
        "SnapshotId": ["snap-1"],
        "TagSpecification.1.ResourceType": ["volume"],
        "TagSpecification.1.Tag.1.Key": ["Name"],
        "TagSpecification.1.Tag.1.Value": ["db01"],
    }
    snapshot, volume, tagging = ec2_checks(params, REGION, ACCOUNT)
    assert snapshot.arn == f"arn:aws:ec2:{REGION}::snapshot/snap-1"
    assert volume.context["aws:requesttag/name"] == "db01"
    assert (tagging.action, tagging.arn) == ("ec2:CreateTags", f"{EC2}:volume/*")
    assert tagging.context["ec2:createaction"] == "CreateVolume"
    assert tagging.context["aws:tagkeys"] == ["Name"]


def test_start_recovery_is_checked_on_each_source_server_with_its_tags() -> None:
    body = {"sourceServers": [{"sourceServerID": "s-1"}, {"sourceServerID": "s-2"}], "tags": {"wave": "db"}}
    checks = drs_checks("StartRecovery", "/StartRecovery", json.dumps(body).encode(), {}, REGION, ACCOUNT)
    assert arns(checks) == [f"{DRS}:source-server/s-1", f"{DRS}:source-server/s-2"]
    assert all(check.context["aws:requesttag/wave"] == "db" for check in checks)


def test_lists_of_drs_take_no_resource_and_filters_do_not_count() -> None:
    body = json.dumps({"filters": {"sourceServerIDs": ["s-1"]}}).encode()
    assert arns(drs_checks("DescribeSourceServers", "/DescribeSourceServers", body, {}, REGION, ACCOUNT)) == [
        "*"
    ]


def test_tagging_a_drs_resource_is_checked_on_its_arn() -> None:
    path = f"/tags/{DRS}:source-server/s-1"
    (check,) = drs_checks("UntagResource", path, b"", {"tagKeys": ["a", "b"]}, REGION, ACCOUNT)
    assert (check.arn, check.context["aws:tagkeys"]) == (f"{DRS}:source-server/s-1", ["a", "b"])


def test_terminating_recovery_instances_is_checked_on_each() -> None:
    body = json.dumps({"recoveryInstanceIDs": ["i-1", "i-2"]}).encode()
    checks = drs_checks(
        "TerminateRecoveryInstances", "/TerminateRecoveryInstances", body, {}, REGION, ACCOUNT
    )
    assert arns(checks) == [f"{DRS}:recovery-instance/i-1", f"{DRS}:recovery-instance/i-2"]


def test_a_body_that_is_not_json_is_checked_on_everything() -> None:
    assert arns(
        drs_checks("GetLaunchConfiguration", "/GetLaunchConfiguration", b"{", {}, REGION, ACCOUNT)
    ) == ["*"]


@pytest.mark.parametrize(
    ("operation", "body", "resource"),
    [
        ("ReverseReplication", {"recoveryInstanceID": "i-1"}, "recovery-instance/i-1"),
        ("DisconnectRecoveryInstance", {"recoveryInstanceID": "i-1"}, "recovery-instance/i-1"),
        ("DeleteRecoveryInstance", {"recoveryInstanceID": "i-1"}, "recovery-instance/i-1"),
        ("StopReplication", {"sourceServerID": "s-1"}, "source-server/s-1"),
        ("DisconnectSourceServer", {"sourceServerID": "s-1"}, "source-server/s-1"),
        ("DeleteSourceServer", {"sourceServerID": "s-1"}, "source-server/s-1"),
        ("CreateExtendedSourceServer", {"sourceServerArn": f"{DRS}:source-server/s-1"}, "source-server/s-1"),
    ],
)
def test_what_brings_servers_back_is_checked_on_the_resource_it_names(
    operation: str, body: dict[str, str], resource: str
) -> None:
    checks = drs_checks(operation, f"/{operation}", json.dumps(body).encode(), {}, REGION, ACCOUNT)
    assert arns(checks) == [f"{DRS}:{resource}"]


def test_a_command_is_checked_on_its_document_and_on_every_instance() -> None:
    body = json.dumps({"DocumentName": "AWS-RunShellScript", "InstanceIds": ["i-1", "i-2"]}).encode()
    assert arns(ssm_checks("SendCommand", body, REGION, ACCOUNT)) == [
        f"arn:aws:ssm:{REGION}::document/AWS-RunShellScript",
        f"{EC2}:instance/i-1",
        f"{EC2}:instance/i-2",
    ]
    own = json.dumps({"DocumentName": "quiesce", "Targets": [{"Key": "InstanceIds", "Values": ["i-3"]}]})
    assert arns(ssm_checks("SendCommand", own.encode(), REGION, ACCOUNT)) == [
        f"arn:aws:ssm:{REGION}:{ACCOUNT}:document/quiesce",
        f"{EC2}:instance/i-3",
    ]
    assert ssm_checks("GetCommandInvocation", body, REGION, ACCOUNT) == ()


# --- keys of DynamoDB


@pytest.mark.parametrize(
    ("operation", "body", "written"),
    [
        (
            "PutItem",
            {"TableName": "t", "Item": {"pk": {"S": "LOCK#a"}, "sk": {"S": "LOCK"}}},
            {("dynamodb:PutItem", "t"): ["LOCK#a"]},
        ),
        ("DeleteItem", {"TableName": "t", "Key": {"pk": {"S": "a"}}}, {("dynamodb:DeleteItem", "t"): ["a"]}),
        (
            "BatchWriteItem",
            {
                "RequestItems": {
                    "t": [
                        {"PutRequest": {"Item": {"pk": {"S": "a"}}}},
                        {"DeleteRequest": {"Key": {"pk": {"S": "b"}}}},
                    ]
                }
            },
            {("dynamodb:BatchWriteItem", "t"): ["a", "b"]},
        ),
        (
            "TransactWriteItems",
            {
                "TransactItems": [
                    {"Put": {"TableName": "t", "Item": {"pk": {"S": "a"}}}},
                    {"Update": {"TableName": "t", "Key": {"pk": {"S": "b"}}}},
                    {"Update": {"TableName": "u", "Key": {"pk": {"S": "c"}}}},
                    {"ConditionCheck": {"TableName": "t", "Key": {"pk": {"S": "d"}}}},
                ]
            },
            {
                ("dynamodb:PutItem", "t"): ["a"],
                ("dynamodb:UpdateItem", "t"): ["b"],
                ("dynamodb:UpdateItem", "u"): ["c"],
            },
        ),
        ("Query", {"TableName": "t"}, {}),
    ],
)
def test_writes_to_dynamodb_carry_the_partition_keys_of_each_action_and_table(
    operation: str, body: dict[str, object], written: dict[tuple[str, str], list[str]]
) -> None:
    assert written_keys(operation, json.dumps(body).encode(), lambda table: "pk") == written
