"""Lambda, IAM, EventBridge and DRS in a running local cloud, and how the cloud begins and ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zipfile
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.ministack import CloudDidNotStartError, LocalCloud
from local.ministack.images import IMAGES
from local.ministack.lambda_zygote import Zygote
from local.ministack.process import AdminCallError
from tests.local_cloud import engine
from tests.local_cloud.engine import HUB, MEMBER, allow, deny, trust

LAMBDA = trust({"Service": "lambda.amazonaws.com"})


@pytest.fixture(scope="module")
def role(cloud: LocalCloud) -> str:
    return engine.role(cloud, "plain", LAMBDA)


def launch(cloud: LocalCloud, name: str, account: str = HUB, **tags: str) -> str:
    """A running instance with tags."""
    ec2 = engine.client(cloud, "ec2", account)
    given = [{"Key": key, "Value": value} for key, value in {"Name": name, **tags}.items()]
    found = ec2.run_instances(
        ImageId=IMAGES["linux", "x86_64", "uefi"],
        InstanceType="t3.large",
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[{"ResourceType": "instance", "Tags": given}],
    )
    instance = str(found["Instances"][0]["InstanceId"])
    engine.until(lambda: state(cloud, instance, account) == "running")
    return instance


def state(cloud: LocalCloud, instance: str, account: str = HUB) -> str:
    ec2 = engine.client(cloud, "ec2", account)
    found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    return str(found["State"]["Name"])


# --- Lambda -------------------------------------------------------------------------------------------


def test_a_handled_exception_keeps_its_class_and_the_worker_warm(cloud: LocalCloud, role: str) -> None:
    code = """
import os
class PlanNotFoundError(Exception): pass
def handler(event, context):
    if event: raise PlanNotFoundError("no plan of that name")
    return os.getpid()
"""
    engine.function(cloud, "raises", role, code)
    _, first = engine.invoke(cloud, "raises")
    kind, error = engine.invoke(cloud, "raises", True)
    _, second = engine.invoke(cloud, "raises")
    assert kind == "Unhandled"
    assert (error["errorType"], error["errorMessage"]) == ("PlanNotFoundError", "no plan of that name")
    assert "in handler" in error["stackTrace"][0]
    assert first == second


def test_stray_output_is_log_and_not_the_answer(cloud: LocalCloud, role: str) -> None:
    code = """
import os, sys
print('{"status": "ok", "result": "at import"}')
def handler(event, context):
    os.write(1, b'{"status": "ok", "result": "stray"}\\n')
    sys.__stdout__.write('{"status": "ok"}\\n')
    return "answer"
"""
    engine.function(cloud, "prints", role, code)
    assert engine.invoke(cloud, "prints") == (None, "answer")
    logs = engine.client(cloud, "logs")
    events = engine.until(lambda: logs.filter_log_events(logGroupName="/aws/lambda/prints")["events"])
    assert any("stray" in event["message"] for event in events)


def test_own_code_comes_before_layers(cloud: LocalCloud, role: str) -> None:
    client = engine.client(cloud, "lambda")
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("python/both.py", "WHERE = 'layer'")
        files.writestr("python/only.py", "WHERE = 'layer'")
    layer = client.publish_layer_version(LayerName="shared", Content={"ZipFile": archive.getvalue()})
    client.create_function(
        FunctionName="layered",
        Runtime="python3.11",
        Role=role,
        Handler="index.handler",
        Layers=[layer["LayerVersionArn"]],
        Code={
            "ZipFile": engine.zipped(
                index="import both, only\ndef handler(e, c): return both.WHERE, only.WHERE",
                both="WHERE = 'task'",
            )
        },
    )
    assert engine.invoke(cloud, "layered") == (None, ["task", "layer"])


def test_an_sdk_that_a_function_brings_is_the_one_it_gets(cloud: LocalCloud, role: str) -> None:
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("boto3/__init__.py", "__version__ = 'own'")
        files.writestr("index.py", "import boto3\ndef handler(e, c): return boto3.__version__")
    engine.client(cloud, "lambda").create_function(
        FunctionName="own-sdk",
        Runtime="python3.11",
        Role=role,
        Handler="index.handler",
        Code={"ZipFile": archive.getvalue()},
    )
    assert engine.invoke(cloud, "own-sdk") == (None, "own")


@pytest.mark.skipif(not Zygote.works_here(), reason="nothing is preloaded here")
@pytest.mark.parametrize(("brought", "preloaded"), [(version("jmespath"), True), ("0.1", False)])
def test_a_preloaded_sdk_stays_beside_the_same_version_of_a_part_of_it(
    cloud: LocalCloud, role: str, brought: str, preloaded: bool
) -> None:
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("jmespath/__init__.py", f"__version__ = '{brought}'")
        files.writestr(f"jmespath-{brought}.dist-info/METADATA", f"Name: jmespath\nVersion: {brought}\n")
        code = "import sys\nFOUND = 'boto3' in sys.modules\ndef handler(e, c): return FOUND"
        files.writestr("index.py", code)
    name = f"brings-jmespath-{brought.replace('.', '-')}"
    engine.client(cloud, "lambda").create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role=role,
        Handler="index.handler",
        Code={"ZipFile": archive.getvalue()},
    )
    assert engine.invoke(cloud, name) == (None, preloaded)


def test_a_function_sees_its_own_environment_only(cloud: LocalCloud, role: str) -> None:
    code = "import os\ndef handler(event, context): return dict(os.environ)"
    engine.function(cloud, "environment", role, code, Environment={"Variables": {"TABLE": "plans"}})
    _, found = engine.invoke(cloud, "environment")
    assert (found["TABLE"], found["AWS_REGION"]) == ("plans", engine.REGION)
    assert found["AWS_ENDPOINT_URL"] == cloud.endpoint
    assert not {"GATEWAY_PORT", "LOCAL_CLOUD_ENDPOINT", "PYTHONPATH", "HOME"} & set(found)


@pytest.mark.parametrize(
    ("name", "code", "expected"),
    [
        ("no-import", "import nothing_like_it\ndef handler(e, c): pass", "Runtime.ImportModuleError"),
        ("no-handler", "def other(e, c): pass", "Runtime.HandlerNotFound"),
        ("no-json", "def handler(e, c): return {1, 2}", "Runtime.MarshalError"),
        ("exits", "import sys\ndef handler(e, c): sys.exit(3)", "Runtime.ExitError"),
    ],
)
def test_errors_of_the_runtime(cloud: LocalCloud, role: str, name: str, code: str, expected: str) -> None:
    engine.function(cloud, name, role, code)
    for _ in range(2):
        kind, error = engine.invoke(cloud, name)
        assert (kind, error["errorType"]) == ("Unhandled", expected)


def test_a_function_that_takes_too_long(cloud: LocalCloud, role: str) -> None:
    engine.function(cloud, "slow", role, "import time\ndef handler(e, c): time.sleep(60)", timeout=1)
    kind, error = engine.invoke(cloud, "slow")
    assert (kind, error["errorType"]) == ("Unhandled", "Sandbox.Timedout")


def test_time_is_real_while_a_function_runs(cloud: LocalCloud, role: str) -> None:
    code = "import time\ndef handler(event, context): time.sleep(1)"
    engine.function(cloud, "sleeps", role, code)
    engine.invoke(cloud, "sleeps")
    before = cloud.admin("GET", "/clock")
    engine.invoke(cloud, "sleeps")
    after = cloud.admin("GET", "/clock")
    assert before["rate"] == before["speed"] == 600
    simulated, real = ((time_of(after[key]) - time_of(before[key])) for key in ("now", "realNow"))
    assert simulated < 600 * real / 2


def time_of(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()


# --- IAM ----------------------------------------------------------------------------------------------


def test_a_role_of_another_account_wants_the_external_id_and_the_right_role(cloud: LocalCloud) -> None:
    callers = {}
    for name in ("orchestrator", "stranger"):
        arn = engine.role(
            cloud,
            name,
            trust({"AWS": f"arn:aws:iam::{HUB}:root"}),
            allow("sts:AssumeRole", resource=f"arn:aws:iam::{MEMBER}:role/member"),
        )
        callers[name] = engine.client(cloud, "sts", **engine.session(cloud, arn))
    member = engine.role(
        cloud,
        "member",
        trust(
            {"AWS": f"arn:aws:iam::{HUB}:root"},
            StringEquals={"sts:ExternalId": "the-id"},
            ArnLike={"aws:PrincipalArn": f"arn:aws:iam::{HUB}:role/orch*"},
        ),
        allow("ec2:DescribeInstances"),
        account=MEMBER,
    )
    keys = engine.session(cloud, member, callers["orchestrator"], ExternalId="the-id")
    engine.client(cloud, "ec2", **keys).describe_instances()
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        engine.client(cloud, "ec2", **keys).describe_volumes()
    for caller, more in (
        ("orchestrator", {"ExternalId": "another"}),
        ("orchestrator", {}),
        ("stranger", {"ExternalId": "the-id"}),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            engine.session(cloud, member, callers[caller], **more)


def test_service_quotas_reports_what_the_emulator_keeps_to_those_who_may_ask(cloud: LocalCloud) -> None:
    known = engine.client(cloud, "service-quotas").list_service_quotas(ServiceCode="drs", MaxResults=3)
    assert len(known["Quotas"]) == 3
    assert known["NextToken"]
    arn = engine.role(cloud, "planner", trust({"AWS": HUB}), allow("servicequotas:ListServiceQuotas"))
    quotas = engine.client(cloud, "service-quotas", **engine.session(cloud, arn))
    found = quotas.get_paginator("list_service_quotas").paginate(ServiceCode="drs").build_full_result()
    assert {quota["QuotaCode"]: quota["Value"] for quota in found["Quotas"]}["L-D88FAC3A"] == 20.0
    with pytest.raises(ClientError, match="AccessDenied"):
        quotas.get_service_quota(ServiceCode="drs", QuotaCode="L-D88FAC3A")
    with pytest.raises(ClientError, match="NoSuchResource"):
        quotas.list_service_quotas(ServiceCode="ec2")


def test_tags_of_instances_decide(cloud: LocalCloud) -> None:
    tagged = {"StringEquals": {"aws:ResourceTag/AWSDRS": "AllowLaunchingIntoThisInstance"}}
    arn = engine.role(
        cloud,
        "operator",
        trust({"AWS": HUB}),
        allow("ec2:StartInstances", "ec2:StopInstances", **tagged),
        allow("ec2:TerminateInstances", "ec2:DescribeInstances"),
        deny("ec2:TerminateInstances", Null={"ec2:ResourceTag/AWSDRS": "false"}),
    )
    ec2 = engine.client(cloud, "ec2", **engine.session(cloud, arn))
    target = launch(cloud, "target", AWSDRS="AllowLaunchingIntoThisInstance")
    other = launch(cloud, "other")
    ec2.stop_instances(InstanceIds=[target])
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        ec2.stop_instances(InstanceIds=[target, other])
    with pytest.raises(ClientError, match=r"UnauthorizedOperation.*explicit deny"):
        ec2.terminate_instances(InstanceIds=[target])
    with pytest.raises(ClientError, match=r"UnauthorizedOperation.*explicit deny"):
        ec2.terminate_instances(InstanceIds=[other, target])
    with pytest.raises(ClientError, match="DryRunOperation"):
        ec2.terminate_instances(InstanceIds=[other], DryRun=True)
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        ec2.terminate_instances(InstanceIds=[target], DryRun=True)
    ec2.terminate_instances(InstanceIds=[other])


def test_a_simulation_is_allowed_for_the_role_that_it_asks_about_in_the_context_that_it_states(
    cloud: LocalCloud,
) -> None:
    tagged = {"StringEquals": {"ec2:ResourceTag/AWSDRS": "AllowLaunchingIntoThisInstance"}}
    subject = engine.role(cloud, "subject", trust({"AWS": HUB}), allow("ec2:StartInstances", **tagged))
    arn = engine.role(
        cloud, "curious", trust({"AWS": HUB}), allow("iam:SimulatePrincipalPolicy", resource=subject)
    )
    iam = engine.client(cloud, "iam", **engine.session(cloud, arn))

    def decision(*context: dict[str, Any]) -> str:
        [result] = iam.simulate_principal_policy(
            PolicySourceArn=subject,
            ActionNames=["ec2:StartInstances"],
            ResourceArns=[f"arn:aws:ec2:us-east-1:{HUB}:instance/i-0123456789abcdef0"],
            ContextEntries=list(context),
        )["EvaluationResults"]
        return str(result["EvalDecision"])

    tag = {"ContextKeyName": "ec2:ResourceTag/AWSDRS", "ContextKeyType": "string"}
    assert decision({**tag, "ContextKeyValues": ["AllowLaunchingIntoThisInstance"]}) == "allowed"
    assert decision({**tag, "ContextKeyValues": ["no"]}) == "implicitDeny"
    assert decision() == "implicitDeny"
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=["ec2:StartInstances"])


def test_an_instance_profile_is_read_by_its_arn(cloud: LocalCloud) -> None:
    root = engine.client(cloud, "iam")
    for name in ("mine", "theirs"):
        root.create_instance_profile(InstanceProfileName=name, Path="/team/")
    mine = f"arn:aws:iam::{HUB}:instance-profile/team/mine"
    arn = engine.role(cloud, "reader", trust({"AWS": HUB}), allow("iam:GetInstanceProfile", resource=mine))
    iam = engine.client(cloud, "iam", **engine.session(cloud, arn))
    assert iam.get_instance_profile(InstanceProfileName="mine")["InstanceProfile"]["Arn"] == mine
    with pytest.raises(ClientError, match="AccessDenied"):
        iam.get_instance_profile(InstanceProfileName="theirs")


def test_the_agent_of_a_recovery_instance_may_what_its_managed_policy_says(cloud: LocalCloud) -> None:
    iam = engine.client(cloud, "iam")
    trusted = trust({"Service": "ec2.amazonaws.com"})
    made = iam.create_role(RoleName="recovered", Path="/service-role/", AssumeRolePolicyDocument=trusted)
    arn = made["Role"]["Arn"]
    policy = "arn:aws:iam::aws:policy/service-role/AWSElasticDisasterRecoveryRecoveryInstancePolicy"

    def decisions() -> set[str]:
        results = iam.simulate_principal_policy(
            PolicySourceArn=arn,
            ActionNames=["drs:CreateSourceServerForDrs", "drs:UpdateAgentReplicationInfoForDrs"],
            ResourceArns=[f"arn:aws:drs:us-east-1:{HUB}:source-server/s-1"],
        )["EvaluationResults"]
        return {str(result["EvalDecision"]) for result in results}

    assert decisions() == {"implicitDeny"}
    iam.attach_role_policy(RoleName="recovered", PolicyArn=policy)
    assert decisions() == {"allowed"}


def test_tags_of_a_request_decide(cloud: LocalCloud) -> None:
    zone = f"{engine.REGION}a"
    own = {
        "StringEquals": {"aws:RequestTag/owner": "drs"},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["owner"]},
    }
    arn = engine.role(
        cloud,
        "maker",
        trust({"AWS": HUB}),
        allow("ec2:CreateVolume", **own),
        allow("ec2:CreateTags", StringEquals={"ec2:CreateAction": "CreateVolume"}),
    )
    ec2 = engine.client(cloud, "ec2", **engine.session(cloud, arn))

    def create(**tags: str) -> Any:
        given = [{"Key": key, "Value": value} for key, value in tags.items()]
        more = {"TagSpecifications": [{"ResourceType": "volume", "Tags": given}]} if tags else {}
        return ec2.create_volume(AvailabilityZone=zone, Size=1, **more)["VolumeId"]

    volume = create(owner="drs")
    for tags in ({}, {"owner": "me"}, {"owner": "drs", "more": "x"}):
        with pytest.raises(ClientError, match="UnauthorizedOperation"):
            create(**tags)
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        ec2.create_tags(Resources=[volume], Tags=[{"Key": "owner", "Value": "drs"}])


def test_tags_of_the_thing_and_of_the_request_decide_together(cloud: LocalCloud) -> None:
    pair = {"StringEquals": {"aws:ResourceTag/AWSDRS": "AllowLaunchingIntoThisInstance"}}
    ours = {"ForAllValues:StringEquals": {"aws:TagKeys": ["drs-orchestrator:role"]}}
    arn = engine.role(
        cloud,
        "retirer",
        trust({"AWS": HUB}),
        allow("ec2:CreateTags", **pair, **ours),
        allow("ec2:DeleteVolume", StringEquals={"ec2:ResourceTag/left": "behind"}),
    )
    root = engine.client(cloud, "ec2")
    ec2 = engine.client(cloud, "ec2", **engine.session(cloud, arn))
    target = launch(cloud, "retired", AWSDRS="AllowLaunchingIntoThisInstance")
    other = launch(cloud, "stranger")

    def tag(instance: str, *keys: str) -> None:
        ec2.create_tags(Resources=[instance], Tags=[{"Key": key, "Value": "x"} for key in keys])

    def volume(**tags: str) -> str:
        made: str = root.create_volume(AvailabilityZone=f"{engine.REGION}a", Size=1)["VolumeId"]
        root.create_tags(Resources=[made], Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
        return made

    tag(target, "drs-orchestrator:role")
    for instance, *keys in (
        (other, "drs-orchestrator:role"),
        (target, "AWSDRS"),
        (target, "drs-orchestrator:role", "Name"),
    ):
        with pytest.raises(ClientError, match="UnauthorizedOperation"):
            tag(instance, *keys)
    ec2.delete_volume(VolumeId=volume(left="behind"))
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        ec2.delete_volume(VolumeId=volume(left="alone"))


def test_a_command_needs_its_document_and_the_instances_tags(cloud: LocalCloud) -> None:
    iam = engine.client(cloud, "iam")
    managed = engine.role(cloud, "managed", trust({"Service": "ec2.amazonaws.com"}))
    core = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
    iam.attach_role_policy(RoleName=managed.rsplit("/", 1)[-1], PolicyArn=core)
    iam.create_instance_profile(InstanceProfileName="managed")
    iam.add_role_to_instance_profile(InstanceProfileName="managed", RoleName="managed")
    pair = {"StringEquals": {"aws:ResourceTag/AWSDRS": "AllowLaunchingIntoThisInstance"}}
    arn = engine.role(
        cloud,
        "quiescer",
        trust({"AWS": HUB}),
        allow("ssm:SendCommand", resource=f"arn:aws:ssm:{engine.REGION}::document/AWS-RunShellScript"),
        allow("ssm:SendCommand", resource=f"arn:aws:ec2:*:{HUB}:instance/*", **pair),
        allow("ssm:GetCommandInvocation"),
    )
    ec2 = engine.client(cloud, "ec2")
    ssm = engine.client(cloud, "ssm", **engine.session(cloud, arn))
    target = launch(cloud, "workload", AWSDRS="AllowLaunchingIntoThisInstance")
    other = launch(cloud, "unrelated")
    for instance in (target, other):
        ec2.associate_iam_instance_profile(InstanceId=instance, IamInstanceProfile={"Name": "managed"})

    def send(document: str, *instances: str) -> str:
        answer = ssm.send_command(
            DocumentName=document, InstanceIds=list(instances), Parameters={"commands": ["sync"]}
        )
        return str(answer["Command"]["CommandId"])

    command = send("AWS-RunShellScript", target)
    with pytest.raises(ClientError, match="AccessDenied"):
        send("AWS-RunShellScript", target, other)
    with pytest.raises(ClientError, match="AccessDenied"):
        send("AWS-RunPowerShellScript", target)
    assert engine.until(
        lambda: (
            ssm.get_command_invocation(CommandId=command, InstanceId=target)["Status"] == "Success" or None
        )
    )


def test_a_machine_does_what_its_role_may(cloud: LocalCloud) -> None:
    arn = engine.role(
        cloud, "narrow", trust({"Service": "states.amazonaws.com"}), allow("ec2:DescribeInstances")
    )
    read = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:ec2:describeInstances", "End": True}
    volumes = {**read, "Resource": "arn:aws:states:::aws-sdk:ec2:describeVolumes"}
    may = engine.machine(cloud, "may", arn, {"Reading": {**read, "Output": "seen"}})
    may_not = engine.machine(cloud, "may-not", arn, {"Look": volumes})
    assert engine.output(engine.run(cloud, may)) == "seen"
    refused = engine.run(cloud, may_not)
    assert (refused["status"], refused["error"]) == ("FAILED", "Ec2.Ec2Exception")
    assert "is not authorized to perform: ec2:DescribeVolumes" in refused["cause"]


def test_a_machine_whose_role_trusts_another_service_does_nothing(cloud: LocalCloud) -> None:
    arn = engine.role(cloud, "of-lambda", LAMBDA, allow("ec2:*"))
    read = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:ec2:describeInstances", "End": True}
    done = engine.run(cloud, engine.machine(cloud, "untrusted", arn, {"Reading": read}))
    assert done["status"] == "FAILED"
    assert "authorized to assume the provided role" in done["cause"]


def test_who_may_start_a_machine(cloud: LocalCloud, role: str) -> None:
    trusted = trust({"Service": "states.amazonaws.com"})
    runner = engine.role(cloud, "runner", trusted)
    one = engine.machine(cloud, "one", runner, {"End": {"Type": "Succeed"}})
    two = engine.machine(cloud, "two", runner, {"End": {"Type": "Succeed"}})
    caller = engine.role(cloud, "starter", trust({"AWS": HUB}), allow("states:StartExecution", resource=one))
    states = engine.client(cloud, "stepfunctions", **engine.session(cloud, caller))
    states.start_execution(stateMachineArn=one)
    with pytest.raises(ClientError, match="AccessDenied"):
        states.start_execution(stateMachineArn=two)


# --- EventBridge --------------------------------------------------------------------------------------


def test_an_event_reaches_a_function_as_aws_sends_it(cloud: LocalCloud, role: str) -> None:
    engine.function(cloud, "listens", role, "import json\ndef handler(e, c): print('got', json.dumps(e))")
    arn = engine.client(cloud, "lambda").get_function(FunctionName="listens")["Configuration"]["FunctionArn"]
    events, logs = engine.client(cloud, "events"), engine.client(cloud, "logs")
    events.put_rule(
        Name="ec2", EventPattern=json.dumps({"source": ["aws.ec2"], "detail": {"state": ["running"]}})
    )
    events.put_targets(Rule="ec2", Targets=[{"Id": "f", "Arn": arn}])
    instance = launch(cloud, "noisy")

    def received() -> Any:
        try:
            found = logs.filter_log_events(logGroupName="/aws/lambda/listens")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return None
        return [one["message"].split("got ", 1)[1] for one in found if "got " in one["message"]]

    event = json.loads(engine.until(received)[0].splitlines()[0])
    assert event["detail"] == {"instance-id": instance, "state": "running"}
    assert event["detail-type"] == "EC2 Instance State-change Notification"
    assert event["resources"] == [f"arn:aws:ec2:{engine.REGION}:{HUB}:instance/{instance}"]
    assert (event["account"], event["region"], event["source"]) == (HUB, engine.REGION, "aws.ec2")
    assert time_of(event["time"]) > time_of(cloud.admin("GET", "/clock")["startedAt"]) - 1


def test_an_event_of_another_account_comes_by_its_rule_to_ours(cloud: LocalCloud, role: str) -> None:
    engine.function(cloud, "hears", role, "import json\ndef handler(e, c): print('got', json.dumps(e))")
    arn = engine.client(cloud, "lambda").get_function(FunctionName="hears")["Configuration"]["FunctionArn"]
    events, logs = engine.client(cloud, "events"), engine.client(cloud, "logs")
    bus = f"arn:aws:events:{engine.REGION}:{HUB}:event-bus/default"
    policy = {
        "Type": "AWS::Events::EventBusPolicy",
        "Properties": {
            "StatementId": "members",
            "Statement": {
                "Effect": "Allow",
                "Principal": {"AWS": MEMBER},
                "Action": "events:PutEvents",
                "Resource": bus,
            },
        },
    }
    engine.client(cloud, "cloudformation").create_stack(
        StackName="bus", TemplateBody=json.dumps({"Resources": {"Members": policy}})
    )
    events.put_rule(Name="members", EventPattern=json.dumps({"source": ["shop"]}))
    events.put_targets(Rule="members", Targets=[{"Id": "f", "Arn": arn}])
    theirs = engine.client(cloud, "events", MEMBER)
    theirs.put_rule(Name="pass-on", EventPattern=json.dumps({"source": ["shop"]}))
    theirs.put_targets(Rule="pass-on", Targets=[{"Id": "hub", "Arn": bus, "RoleArn": role}])
    entry = {"Source": "shop", "DetailType": "Sold", "Detail": '{"number": 7}', "Resources": ["arn:of:it"]}
    theirs.put_events(Entries=[entry])

    def received() -> Any:
        try:
            found = logs.filter_log_events(logGroupName="/aws/lambda/hears")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return None
        return [one["message"].split("got ", 1)[1] for one in found if "got " in one["message"]]

    event = json.loads(engine.until(received)[0].splitlines()[0])
    assert (event["account"], event["resources"], event["detail"]) == (MEMBER, ["arn:of:it"], {"number": 7})
    described = events.describe_event_bus(Name="default")
    assert json.loads(described["Policy"])["Statement"][0]["Sid"] == "members"


def test_an_event_reaches_an_account_that_has_only_used_cloudformation(cloud: LocalCloud, role: str) -> None:
    # As the orchestration account's rules are made: its default bus is there without a call to EventBridge.
    ours = "777788889999"
    bus = f"arn:aws:events:{engine.REGION}:{ours}:event-bus/default"
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "heard"}}
    rule = {
        "Type": "AWS::Events::Rule",
        "Properties": {
            "EventPattern": {"source": ["bakery"]},
            "Targets": [{"Id": "queue", "Arn": {"Fn::GetAtt": ["Queue", "Arn"]}}],
        },
    }
    engine.client(cloud, "cloudformation", ours).create_stack(
        StackName="hears", TemplateBody=json.dumps({"Resources": {"Queue": queue, "Rule": rule}})
    )
    theirs = engine.client(cloud, "events", MEMBER)
    theirs.put_rule(Name="pass-on-bread", EventPattern=json.dumps({"source": ["bakery"]}))
    theirs.put_targets(Rule="pass-on-bread", Targets=[{"Id": "hub", "Arn": bus, "RoleArn": role}])
    sqs = engine.client(cloud, "sqs", ours)
    address = engine.until(lambda: sqs.list_queues(QueueNamePrefix="heard").get("QueueUrls"))[0]
    theirs.put_events(Entries=[{"Source": "bakery", "DetailType": "Baked", "Detail": '{"loaves": 3}'}])

    (message,) = engine.until(lambda: sqs.receive_message(QueueUrl=address).get("Messages"))
    event = json.loads(message["Body"])
    assert (event["account"], event["detail"]) == (MEMBER, {"loaves": 3})


def test_an_event_starts_a_machine_with_the_event_as_its_input(cloud: LocalCloud) -> None:
    events, states = engine.client(cloud, "events"), engine.client(cloud, "stepfunctions")
    runner = engine.role(cloud, "on-event", trust({"Service": "states.amazonaws.com"}))
    arn = engine.machine(cloud, "on-event", runner, {"End": {"Type": "Succeed"}})
    events.put_rule(Name="dr", EventPattern=json.dumps({"source": ["acme.dr"], "detail-type": ["Failover"]}))
    events.put_targets(Rule="dr", Targets=[{"Id": "m", "Arn": arn, "RoleArn": runner}])
    for kind in ("Failback", "Failover"):
        events.put_events(
            Entries=[{"Source": "acme.dr", "DetailType": kind, "Detail": json.dumps({"plan": "erp"})}]
        )
    (started,) = engine.until(lambda: states.list_executions(stateMachineArn=arn)["executions"])
    given = engine.output(engine.ended(cloud, started["executionArn"]))
    assert (given["detail-type"], given["detail"]) == ("Failover", {"plan": "erp"})


# --- DRS ----------------------------------------------------------------------------------------------


def seed(cloud: LocalCloud, name: str, **tags: str) -> str:
    server = {
        "hostname": name,
        "tags": {"Name": name, **tags},
        "originAccountID": MEMBER,
        "originRegion": "us-west-2",
        "originAvailabilityZone": "us-west-2a",
        "awsInstanceID": f"i-0{abs(hash(name)):016x}"[:19],
        "platform": "linux",
        "architecture": "x86_64",
        "bootMode": "uefi",
        "disks": [{"deviceName": "/dev/xvda", "bytes": 8 << 30}],
        "dataReplicationState": "CONTINUOUS",
    }
    body = {"account": HUB, "region": engine.REGION, "servers": [server]}
    return str(cloud.admin("POST", "/drs/source-servers", body)["sourceServerIDs"][0])


def test_drs_actions_are_allowed_by_action_arn_and_tag(cloud: LocalCloud) -> None:
    mine, other = seed(cloud, "mine", wave="db"), seed(cloud, "other", wave="web")
    arn = engine.role(
        cloud,
        "drs-reader",
        trust({"AWS": HUB}),
        allow("drs:DescribeSourceServers"),
        allow(
            "drs:GetLaunchConfiguration",
            resource=f"arn:aws:drs:*:{HUB}:source-server/*",
            StringEquals={"aws:ResourceTag/wave": "db"},
        ),
    )
    drs = engine.client(cloud, "drs", **engine.session(cloud, arn))
    assert {one["sourceServerID"] for one in drs.describe_source_servers()["items"]} >= {mine, other}
    drs.get_launch_configuration(sourceServerID=mine)
    with pytest.raises(ClientError, match="AccessDenied"):
        drs.get_launch_configuration(sourceServerID=other)
    with pytest.raises(ClientError, match="AccessDenied"):
        drs.describe_jobs()
    with pytest.raises(ClientError, match="AccessDenied"):
        drs.start_recovery(sourceServers=[{"sourceServerID": mine}])
    assert cloud.admin("GET", "/calls")["calls"]["drs"]["DescribeSourceServers"] >= 1


def test_writes_are_allowed_by_partition_key_alone_in_a_batch_and_in_a_transaction(cloud: LocalCloud) -> None:
    engine.client(cloud, "dynamodb").create_table(
        TableName="kept",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    keys = {"dynamodb:LeadingKeys": ["EXECUTION#*#?"]}
    writes = ("dynamodb:PutItem", "dynamodb:BatchWriteItem", "dynamodb:UpdateItem")
    allowed = allow(*writes, **{"ForAllValues:StringLike": keys})
    arn = engine.role(cloud, "keeper", trust({"AWS": HUB}), allowed)
    kept = engine.client(cloud, "dynamodb", **engine.session(cloud, arn))

    def put(*names: str) -> None:
        items = [{"pk": {"S": name}} for name in names]
        if len(items) == 1:
            kept.put_item(TableName="kept", Item=items[0])
        kept.batch_write_item(RequestItems={"kept": [{"PutRequest": {"Item": item}} for item in items]})
        kept.transact_write_items(TransactItems=[{"Put": {"TableName": "kept", "Item": i}} for i in items])

    put("EXECUTION#one#0")
    put("EXECUTION#one#0", "EXECUTION#two#1")
    for names in (["EXECUTION#one"], ["DECIDED#one#0"], ["EXECUTION#one#0", "CONTROL#one"]):
        with pytest.raises(ClientError, match="AccessDenied"):
            put(*names)
        items = [{"PutRequest": {"Item": {"pk": {"S": name}}}} for name in names]
        with pytest.raises(ClientError, match="AccessDenied"):
            kept.batch_write_item(RequestItems={"kept": items})
        with pytest.raises(ClientError, match="AccessDenied"):
            kept.update_item(TableName="kept", Key={"pk": {"S": names[-1]}})


def test_a_recovery_launches_into_its_target_with_the_permissions_of_its_caller(cloud: LocalCloud) -> None:
    drs, ec2 = engine.client(cloud, "drs"), engine.client(cloud, "ec2")
    server, target = seed(cloud, "app01"), launch(cloud, "app01", AWSDRS="AllowLaunchingIntoThisInstance")
    ec2.stop_instances(InstanceIds=[target])
    engine.until(lambda: state(cloud, target) == "stopped")
    before = ec2.describe_instances(InstanceIds=[target])["Reservations"][0]["Instances"][0]
    drs.update_launch_configuration(
        sourceServerID=server, copyPrivateIp=False, copyTags=False, targetInstanceTypeRightSizingMethod="NONE"
    )
    drs.update_launch_configuration(
        sourceServerID=server,
        launchDisposition="STOPPED",
        launchIntoInstanceProperties={"launchIntoEC2InstanceID": target},
    )
    narrow = engine.role(cloud, "recoverer", trust({"AWS": HUB}), allow("drs:*"), allow("ec2:Describe*"))
    refused = engine.client(cloud, "drs", **engine.session(cloud, narrow))
    via = {"ForAnyValue:StringEquals": {"aws:CalledVia": ["drs.amazonaws.com"]}}
    through = engine.session(
        cloud, engine.role(cloud, "through-drs", trust({"AWS": HUB}), allow("drs:*"), allow("ec2:*", **via))
    )
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        engine.client(cloud, "ec2", **through).start_instances(InstanceIds=[target])

    def ended(job: str) -> Any:
        found = drs.describe_jobs(filters={"jobIDs": [job]})["items"][0]
        return found if found["status"] == "COMPLETED" else None

    def recover(by: Any) -> str:
        job = by.start_recovery(sourceServers=[{"sourceServerID": server}])["job"]["jobID"]
        found = engine.until(lambda: ended(job), 30)
        return str(found["participatingServers"][0]["launchStatus"])

    assert recover(refused) == "FAILED"
    assert recover(engine.client(cloud, "drs", **through)) == "LAUNCHED"
    after = ec2.describe_instances(InstanceIds=[target])["Reservations"][0]["Instances"][0]
    assert after["PrivateIpAddress"] == before["PrivateIpAddress"]
    assert (
        after["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
        != before["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    )


# --- the process --------------------------------------------------------------------------------------


def test_bad_calls_of_our_routes_say_what_there_is(cloud: LocalCloud) -> None:
    with pytest.raises(AdminCallError, match=r"no route GET /_local/nothing; there are /clock"):
        cloud.admin("GET", "/nothing")
    with pytest.raises(AdminCallError, match="EXPLODES"):
        cloud.admin("POST", "/ec2/faults", {"faults": [{"instance": "i-1", "kind": "EXPLODES"}]})


def test_nothing_listens_beyond_this_machine(cloud: LocalCloud) -> None:
    port = int(cloud.endpoint.rsplit(":", 1)[1])
    listening = {
        fields[1]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(table).read_text().splitlines()[1:]
        if (fields := line.split())[3] == "0A" and fields[9] in sockets_of(cloud.pid)
    }
    assert listening == {f"0100007F:{port:04X}"}


def sockets_of(pid: int) -> set[str]:
    found = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            name = os.readlink(descriptor)
        except OSError:
            continue
        if name.startswith("socket:["):
            found.add(name[8:-1])
    return found


def members(session_id: int) -> list[int]:
    """The live processes of a session."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[3]) == session_id and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def test_two_clouds_in_parallel_and_a_taken_port(cloud: LocalCloud, tmp_path: Path) -> None:
    with LocalCloud.start(log=tmp_path / "second.log", auth=False) as second:
        engine.client(second, "sqs").create_queue(QueueName="only-here")
        here = engine.client(cloud, "sqs").list_queues(QueueNamePrefix="only-here")
        assert not here.get("QueueUrls")
        code = "import time\ndef handler(event, context): time.sleep(event or 0)"
        engine.function(second, "busy", f"arn:aws:iam::{HUB}:role/any", code)
        engine.invoke(second, "busy")
        port = int(second.endpoint.rsplit(":", 1)[1])
        with pytest.raises(CloudDidNotStartError, match=f"port {port} on 127.0.0.1 cannot be used"):
            LocalCloud.start(log=tmp_path / "third.log", port=port)
        engine.client(second, "lambda").invoke(FunctionName="busy", InvocationType="Event", Payload="60")
        engine.until(lambda: len(members(second.pid)) >= 2)
    assert not second.running
    engine.until(lambda: not members(second.pid), 3)


def test_the_cloud_ends_with_its_parent_however_that_ends(tmp_path: Path) -> None:
    program = (
        "import os, pathlib, signal, sys\n"
        "from local.ministack import LocalCloud\n"
        "cloud = LocalCloud.start(log=pathlib.Path(sys.argv[1]))\n"
        "print(cloud.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "cloud.log")],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    pid = int(done.stdout)
    engine.until(lambda: not members(pid), 10)


def test_a_cloud_that_cannot_start_names_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    log = tmp_path / "cloud.log"
    begin = time.monotonic()
    with pytest.raises(CloudDidNotStartError, match=f"ended while starting; read {log}"):
        LocalCloud.start(log=log)
    assert time.monotonic() - begin < 30
