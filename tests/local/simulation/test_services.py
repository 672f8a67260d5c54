"""AWS calls in memory: which account, which service, and what is recorded."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local.ministack.images import IMAGES
from local.simulation import VirtualCloud
from local.simulation.transport import NoCloudError
from tests.local.states.lab import CAUGHT, call, caught, empty_cloud, machine, wait

ORIGIN, RECOVERY = "111122223333", "444455556666"


@pytest.fixture
def cloud() -> Iterator[VirtualCloud]:
    with empty_cloud() as made:
        yield made


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection would mean that a call left the process."""

    def refuse(*args: Any) -> None:
        raise AssertionError(f"a socket was connected to {args[1:]}")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def make_table(client: Any, name: str) -> None:
    client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def test_accounts_and_regions_are_isolated(cloud: VirtualCloud) -> None:
    make_table(cloud.client("dynamodb", ORIGIN, "us-east-1"), "there")
    listed = {
        (account, region): cloud.client("dynamodb", account, region).list_tables()["TableNames"]
        for account in (ORIGIN, RECOVERY)
        for region in ("us-east-1", "us-east-2")
    }
    assert [key for key, names in listed.items() if names] == [(ORIGIN, "us-east-1")]


def test_conditional_writes_are_refused_by_name(cloud: VirtualCloud) -> None:
    make_table(cloud.client("dynamodb"), "locks")
    table = boto3.resource("dynamodb").Table("locks")
    table.put_item(Item={"pk": "a"})
    with pytest.raises(ClientError, match="ConditionalCheckFailedException"):
        table.put_item(Item={"pk": "a"}, ConditionExpression="attribute_not_exists(pk)")


def test_a_role_of_another_account_acts_there(cloud: VirtualCloud) -> None:
    role = f"arn:aws:iam::{RECOVERY}:role/query"
    keys = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="test", ExternalId="secret")[
        "Credentials"
    ]
    session = boto3.Session(
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
        region_name="us-east-2",
    )
    make_table(session.client("dynamodb"), "there")
    assert cloud.client("dynamodb", RECOVERY, "us-east-2").list_tables()["TableNames"] == ["there"]
    assert cloud.client("dynamodb").list_tables()["TableNames"] == []


def test_clients_kept_from_one_cloud_work_in_the_next() -> None:
    with empty_cloud(account=ORIGIN):
        kept = boto3.client("dynamodb")
        role = f"arn:aws:iam::{RECOVERY}:role/query"
        keys = boto3.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
        assumed = boto3.client(
            "dynamodb",
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
        )
        make_table(kept, "old")
    with empty_cloud(account="777788889999") as cloud:
        assert kept.list_tables()["TableNames"] == []
        make_table(kept, "new")
        make_table(assumed, "far")
        assert cloud.client("dynamodb", "777788889999").list_tables()["TableNames"] == ["new"]
        assert cloud.client("dynamodb", RECOVERY).list_tables()["TableNames"] == ["far"]


def test_outside_a_cloud_its_clients_are_refused() -> None:
    with empty_cloud():
        kept = boto3.client("dynamodb")
    with pytest.raises(NoCloudError):
        kept.list_tables()


def test_one_cloud_at_a_time_and_the_environment_comes_back(cloud: VirtualCloud) -> None:
    before = dict(os.environ)
    with pytest.raises(RuntimeError, match="one virtual cloud at a time"), empty_cloud():
        pass
    assert dict(os.environ) == before


def test_objects_in_s3(cloud: VirtualCloud) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="reports")
    s3.put_object(Bucket="reports", Key="a/report 1.json", Body=b'{"status": "COMPLETED"}')
    assert s3.get_object(Bucket="reports", Key="a/report 1.json")["Body"].read() == b'{"status": "COMPLETED"}'
    listed = s3.list_objects_v2(Bucket="reports", Prefix="a/")
    assert [item["Key"] for item in listed["Contents"]] == ["a/report 1.json"]
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket="reports", Key="b")


def test_notifications_and_events_are_recorded(cloud: VirtualCloud) -> None:
    topic = cloud.client("sns").create_topic(Name="news")["TopicArn"]
    cloud.advance(60)
    boto3.client("sns").publish(
        TopicArn=topic,
        Subject="Wave 1",
        Message="done",
        MessageAttributes={"plan": {"DataType": "String", "StringValue": "erp"}},
    )
    answer = boto3.client("events").put_events(
        Entries=[{"Source": "dr", "DetailType": "Disaster", "Detail": '{"plan": "erp"}'}]
    )
    assert answer["FailedEntryCount"] == 0
    assert cloud.notifications == [
        {
            "topic": topic,
            "subject": "Wave 1",
            "message": "done",
            "attributes": {"plan": "erp"},
            "time": "2030-01-01T00:01:00+00:00",
        }
    ]
    assert (cloud.events[0]["source"], cloud.events[0]["detail"]) == ("dr", {"plan": "erp"})


def run_instances(cloud: VirtualCloud, account: str, region: str, count: int = 1) -> list[str]:
    image = IMAGES["linux", "x86_64", "uefi"]
    ec2 = cloud.client("ec2", account, region)
    made = ec2.run_instances(ImageId=image, InstanceType="m5.large", MinCount=count, MaxCount=count)
    return [instance["InstanceId"] for instance in made["Instances"]]


def states_of(cloud: VirtualCloud, account: str, region: str) -> list[str]:
    reservations = cloud.client("ec2", account, region).describe_instances()["Reservations"]
    return [item["State"]["Name"] for reservation in reservations for item in reservation["Instances"]]


def test_instances_are_per_account_and_change_state_in_virtual_time(cloud: VirtualCloud) -> None:
    ids = run_instances(cloud, RECOVERY, "us-east-2")
    assert states_of(cloud, ORIGIN, "us-east-2") == []
    cloud.advance(300)
    assert states_of(cloud, RECOVERY, "us-east-2") == ["running"]
    cloud.client("ec2", RECOVERY, "us-east-2").stop_instances(InstanceIds=ids)
    assert states_of(cloud, RECOVERY, "us-east-2") == ["stopping"]
    cloud.advance(300)
    assert states_of(cloud, RECOVERY, "us-east-2") == ["stopped"]


def test_ids_of_instances_depend_on_the_seed_only() -> None:
    made = []
    for seed in (1, 1, 2):
        with empty_cloud(seed=seed) as cloud:
            made.append(run_instances(cloud, RECOVERY, "us-east-2", 3))
    assert made[0] == made[1]
    assert made[0] != made[2]


def seed_server(cloud: VirtualCloud) -> str:
    """A server that replicates from us-east-1 of one account to us-east-2 of the other."""
    (origin,) = run_instances(cloud, ORIGIN, "us-east-1")
    server = {
        "hostname": "erp-1",
        "tags": {"Name": "erp-1"},
        "originAccountID": ORIGIN,
        "originRegion": "us-east-1",
        "originAvailabilityZone": "us-east-1a",
        "awsInstanceID": origin,
        "platform": "linux",
        "architecture": "x86_64",
        "bootMode": "uefi",
        "disks": [{"deviceName": "/dev/sda1", "bytes": 8 << 30}],
    }
    body = {"account": RECOVERY, "region": "us-east-2", "servers": [server]}
    status, answer = cloud.drs.admin("POST", "/source-servers", body)
    assert status == 200, answer
    server_id: str = answer["sourceServerIDs"][0]
    return server_id


def test_a_recovery_job_runs_in_virtual_time_from_a_machine(cloud: VirtualCloud) -> None:
    server = seed_server(cloud)
    drs = cloud.client("drs", RECOVERY, "us-east-2")

    def start(event: Any, context: Any) -> str:
        job_id: str = drs.start_recovery(sourceServers=[{"sourceServerID": server}])["job"]["jobID"]
        return job_id

    def status(event: str, context: Any) -> str:
        (job,) = drs.describe_jobs(filters={"jobIDs": [event]})["items"]
        found: str = job["status"]
        return found

    done = {
        "Type": "Choice",
        "Choices": [{"Condition": "{% $states.input = 'COMPLETED' %}", "Next": "Done"}],
        "Default": "Sleep",
    }
    cloud.add_function("start", start)
    cloud.add_function("status", status)
    cloud.add_machine(
        "m",
        machine(
            "Start",
            Start=call("start", Assign={"job": "{% $states.result.Payload %}"}, Next="Sleep"),
            Sleep=wait(30, Next="Reading"),
            Reading=call("status", "{% $job %}", Next="Ended"),
            Ended=done,
            Done={"Type": "Succeed"},
        ),
    )
    result = cloud.run("m", {}, name="one")
    assert result.status == "SUCCEEDED"
    assert 300 < result.seconds < 7200
    (job,) = drs.describe_jobs()["items"]
    assert job["participatingServers"][0]["launchStatus"] == "LAUNCHED"
    assert any(event["source"] == "aws.drs" for event in cloud.events)
    assert cloud.calls["drs", "StartRecovery"] == 1


def test_errors_of_drs_are_those_of_its_model(cloud: VirtualCloud) -> None:
    seed_server(cloud)
    drs = cloud.client("drs", RECOVERY, "us-east-2")
    with pytest.raises(drs.exceptions.ResourceNotFoundException):
        drs.get_launch_configuration(sourceServerID="s-11111111111111111")


def test_functions_fail_as_on_lambda(cloud: VirtualCloud) -> None:
    def handler(event: Any, context: Any) -> Any:
        return cloud.client("dynamodb").describe_table(TableName="missing")

    cloud.add_function("work", handler)
    cloud.add_machine(
        "m", machine("Work", Work=call("work", Catch=[caught("States.ALL")]), Caught=dict(CAUGHT))
    )
    output = cloud.run("m", {}, name="one").output
    assert output["caught"] == "ResourceNotFoundException"
    assert set(json.loads(output["cause"])) == {"errorMessage", "errorType", "stackTrace"}


def test_a_result_that_is_not_json_is_a_marshal_error(cloud: VirtualCloud) -> None:
    cloud.add_function("work", lambda event, context: object())
    cloud.add_machine("m", machine("Work", Work=call("work")))
    assert cloud.run("m", {}, name="one").error == "Runtime.MarshalError"


def test_a_function_can_be_invoked_from_code(cloud: VirtualCloud) -> None:
    cloud.add_function("work", lambda event, context: {"got": event, "name": context.function_name})
    client = boto3.client("lambda")
    answer = client.invoke(FunctionName="work", Payload=b'{"a": 1}')
    assert json.load(answer["Payload"]) == {"got": {"a": 1}, "name": "work"}
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.invoke(FunctionName="nothing")


@pytest.mark.parametrize(("after", "ran"), [(False, 1), (True, 2)])
def test_functions_are_made_to_fail_before_or_after_they_ran(
    cloud: VirtualCloud, after: bool, ran: int
) -> None:
    runs: list[Any] = []
    seen: list[Any] = []
    cloud.add_function("work", lambda event, context: runs.append(event))
    cloud.on_function("work", seen.append)
    cloud.fail_function("work", error="Sandbox.Timedout", after=after)
    retry = [{"ErrorEquals": ["Sandbox.Timedout"], "IntervalSeconds": 1}]
    cloud.add_machine("m", machine("Work", Work=call("work", Retry=retry)))
    result = cloud.run("m", {"n": 1}, name="one")
    assert (result.status, len(runs)) == ("SUCCEEDED", ran)
    assert seen == [{"n": 1}, {"n": 1}]
    assert result.retried == {("m", "Work", "Sandbox.Timedout")}


def test_handlers_interleave_when_calls_take_time() -> None:
    order: list[str] = []
    with empty_cloud(api_seconds=1.0) as cloud:

        def handler(event: str, context: Any) -> None:
            for step in (1, 2):
                cloud.client("s3").list_buckets()
                order.append(f"{event}{step}")

        cloud.add_function("work", handler)
        cloud.add_machine("m", machine("Work", Work=call("work", "{% $states.input.who %}")))
        first, second = (cloud.start("m", {"who": who}, name=who) for who in "ab")
        assert (cloud.wait(first).seconds, cloud.wait(second).seconds) == (2, 2)
    assert order == ["a1", "b1", "a2", "b2"]


def test_a_policy_simulation_allows_what_a_test_does_not_deny(cloud: VirtualCloud) -> None:
    cloud.denied_actions.add("ec2:StopInstances")
    answer = cloud.client("iam", RECOVERY).simulate_principal_policy(
        PolicySourceArn=f"arn:aws:iam::{RECOVERY}:role/execution",
        ActionNames=["ec2:StartInstances", "ec2:StopInstances"],
    )
    decisions = [(item["EvalActionName"], item["EvalDecision"]) for item in answer["EvaluationResults"]]
    assert decisions == [("ec2:StartInstances", "allowed"), ("ec2:StopInstances", "implicitDeny")]


def test_an_expression_is_checked_against_each_item_anew(cloud: VirtualCloud) -> None:
    make_table(cloud.client("dynamodb"), "waves")
    table = boto3.resource("dynamodb").Table("waves")
    for number in range(4):
        table.put_item(Item={"pk": f"w{number}", "servers": number})
    found = []
    for least in (2, 3):
        answer = table.scan(FilterExpression="servers >= :least", ExpressionAttributeValues={":least": least})
        found.append(sorted(str(item["pk"]) for item in answer["Items"]))
    assert found == [["w2", "w3"], ["w3"]]
    for _ in range(2):
        with pytest.raises(ClientError, match="ValidationException"):
            table.scan(FilterExpression="servers >=", ExpressionAttributeValues={":least": 1})
