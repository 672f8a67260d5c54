"""Calls that do not go botocore's whole way come to the same end as those that do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import product
from typing import Any

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, ConditionBase, Key
from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError

from local.shortcuts import botocore_bypass, dynamodb_queries
from local.simulation import VirtualCloud
from local.simulation.call_faults import CallFault, CallFaultKind
from tests.local.states.lab import empty_cloud


@pytest.fixture(params=["short", "whole"])
def cloud(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[VirtualCloud]:
    if request.param == "whole":
        monkeypatch.setattr(botocore_bypass, "SERVICES", ())
    with empty_cloud() as made:
        made.client("dynamodb").create_table(
            TableName="things",
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        yield made


@pytest.fixture
def things(cloud: VirtualCloud) -> Any:
    return boto3.resource("dynamodb").Table("things")


def test_a_query_by_prefix_gives_what_begins_so_in_order(things: Any) -> None:
    for pk, sk in (("a", "x#2"), ("a", "x#1"), ("a", "y#1"), ("b", "x#3")):
        things.put_item(Item={"pk": pk, "sk": sk, "number": 1, "list": ["one", {"two": True}]})
    found = things.query(KeyConditionExpression=Key("pk").eq("a") & Key("sk").begins_with("x#"))
    assert [item["sk"] for item in found["Items"]] == ["x#1", "x#2"]
    assert found["Items"][0]["list"] == ["one", {"two": True}]
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_binary_values_come_back_as_bytes(things: Any) -> None:
    things.put_item(Item={"pk": "a", "sk": "b", "raw": b"\x00\xff"})
    assert things.get_item(Key={"pk": "a", "sk": "b"})["Item"]["raw"].value == b"\x00\xff"


def test_times_come_back_as_times(cloud: VirtualCloud) -> None:
    table = cloud.client("dynamodb").describe_table(TableName="things")["Table"]
    assert isinstance(table["CreationDateTime"], datetime)


def test_a_refused_transaction_has_its_reasons_and_is_sent_once(cloud: VirtualCloud, things: Any) -> None:
    things.put_item(Item={"pk": "a", "sk": "b"})
    put = {"TableName": "things", "Item": {"pk": "a", "sk": "b"}}
    cloud.calls.clear()
    with pytest.raises(ClientError) as refused:
        things.meta.client.transact_write_items(
            TransactItems=[{"Put": {**put, "ConditionExpression": "attribute_not_exists(pk)"}}]
        )
    assert refused.value.response["CancellationReasons"][0]["Code"] == "ConditionalCheckFailed"
    assert cloud.calls["dynamodb", "TransactWriteItems"] == 1


def test_a_transaction_whose_answer_was_lost_is_repeated_with_its_token(cloud: VirtualCloud) -> None:
    def handler(event: Any, context: Any) -> str:
        put = {"TableName": "things", "Item": {"pk": "a", "sk": "b"}}
        once: Any = {"Put": {**put, "ConditionExpression": "attribute_not_exists(pk)"}}
        boto3.resource("dynamodb").meta.client.transact_write_items(TransactItems=[once])
        return "written once"

    cloud.add_function("Writer", handler)
    cloud.fault(CallFault(CallFaultKind.LOST_ANSWER, services=("dynamodb",), times=1))
    cloud.add_machine("write", {"StartAt": "Write", "States": {"Write": _WRITE}})
    assert cloud.run("write", {}, name="write").output == "written once"


_WRITE = {
    "Type": "Task",
    "Resource": "arn:aws:states:::lambda:invoke",
    "Parameters": {"FunctionName": "Writer"},
    "OutputPath": "$.Payload",
    "End": True,
}


def test_a_refused_ec2_call_has_its_code(cloud: VirtualCloud) -> None:
    with pytest.raises(ClientError) as refused:
        cloud.client("ec2").describe_instances(InstanceIds=["i-0123456789abcdef0"])
    assert refused.value.response["Error"]["Code"] == "InvalidInstanceID.NotFound"


def test_an_ec2_answer_has_all_its_parts(cloud: VirtualCloud) -> None:
    found = cloud.client("ec2").describe_regions(RegionNames=["us-east-1"])
    assert [region["RegionName"] for region in found["Regions"]] == ["us-east-1"]
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_an_instance_comes_back_as_botocore_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with empty_cloud() as cloud:
        ec2 = cloud.client("ec2")
        tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "a & b"}]}]
        image = ec2.describe_images()["Images"][0]["ImageId"]
        ec2.run_instances(ImageId=image, MinCount=2, MaxCount=2, TagSpecifications=tags)
        ec2.create_volume(AvailabilityZone="us-east-1a", Size=8)
        calls = (ec2.describe_instances, ec2.describe_volumes, ec2.describe_subnets, ec2.describe_images)
        short = [_without_metadata(call()) for call in calls]
        monkeypatch.setattr(botocore_bypass, "SERVICES", ())
        assert short == [_without_metadata(call()) for call in calls]
        assert len(short[0]["Reservations"]) == 2


def _without_metadata(answer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key != "ResponseMetadata"}


def test_a_prefix_finds_what_was_written_since_it_was_first_asked_for(things: Any) -> None:
    def found(prefix: str) -> list[str]:
        by_prefix = Key("pk").eq("a") & Key("sk").begins_with(prefix)
        return [item["sk"] for item in things.query(KeyConditionExpression=by_prefix)["Items"]]

    assert found("x#") == []
    for sk in ("x#2", "x#1", "x#é", "y#1", "x"):
        things.put_item(Item={"pk": "a", "sk": sk})
    assert found("x#") == ["x#1", "x#2", "x#é"]
    things.delete_item(Key={"pk": "a", "sk": "x#2"})
    things.put_item(Item={"pk": "a", "sk": "x#1", "again": True})
    things.meta.client.transact_write_items(
        TransactItems=[
            {"Put": {"TableName": "things", "Item": {"pk": "a", "sk": "x#0"}}},
            {"Delete": {"TableName": "things", "Key": {"pk": "a", "sk": "x#é"}}},
        ]
    )
    assert found("x#") == ["x#0", "x#1"]
    assert found("z") == []


def test_a_query_by_prefix_comes_in_pages_of_a_megabyte(things: Any) -> None:
    for number in range(5):
        things.put_item(Item={"pk": "a", "sk": f"x#{number}", "much": "." * 300_000})
    arguments: dict[str, Any] = {
        "KeyConditionExpression": Key("pk").eq("a") & Key("sk").begins_with("x#"),
        "ConsistentRead": True,
    }
    first = things.query(**arguments)
    assert [item["sk"] for item in first["Items"]] == ["x#0", "x#1", "x#2"]
    rest = things.query(**arguments, ExclusiveStartKey=first["LastEvaluatedKey"])
    assert [item["sk"] for item in rest["Items"]] == ["x#3", "x#4"]
    assert "LastEvaluatedKey" not in rest
    assert [item["sk"] for item in things.query(**arguments, Limit=1)["Items"]] == ["x#0"]


@pytest.mark.parametrize(
    "condition",
    [
        Attr("status").eq("UP"),
        Attr("status").ne("UP"),
        Attr("job").ne("one"),
        Attr("batch").ne(1) & Attr("status").eq("UP"),
        Attr("status").is_in(["UP", "DOWN"]),
        Attr("status").is_in(["UP", "DOWN"]) & Attr("batch").eq(1),
        Attr("batch").eq(10) & Attr("status").eq("UP") & Attr("job").is_in(["one"]),
        Attr("status").eq("UP") | Attr("batch").eq(2),
        Attr("batch").gt(1),
        ~Attr("status").eq("UP"),
        Attr("job").not_exists(),
    ],
    ids=lambda condition: condition.expression_operator,
)
def test_a_filter_passes_what_it_does_in_ministack(
    things: Any, condition: ConditionBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, (status, batch) in enumerate(product(["UP", "DOWN", "LOST"], [1, 2, 10])):
        job = {"job": "one"} if number % 2 else {}
        things.put_item(Item={"pk": "a", "sk": f"x#{number}", "status": status, "batch": batch, **job})

    def found() -> dict[str, Any]:
        answer = things.query(
            KeyConditionExpression=Key("pk").eq("a") & Key("sk").begins_with("x#"),
            FilterExpression=condition,
            ProjectionExpression="sk, #batch",
            ExpressionAttributeNames={"#batch": "batch"},
        )
        return _without_metadata(answer)

    asked = found()
    monkeypatch.setattr(dynamodb_queries, "_KNOWN", set())  # now none is of the usual form
    assert asked == found()
    assert asked["ScannedCount"] == 9


def test_a_page_counts_what_is_read_and_not_what_passes_the_filter(things: Any) -> None:
    for number in range(5):
        item = {"pk": "a", "sk": f"x#{number}", "much": "." * 300_000, "even": str(number % 2 == 0)}
        things.put_item(Item=item)
    answer = things.query(
        KeyConditionExpression=Key("pk").eq("a") & Key("sk").begins_with("x#"),
        FilterExpression=Attr("even").eq("True"),
        ProjectionExpression="#sk",
        ExpressionAttributeNames={"#sk": "sk"},
    )
    assert answer["Items"] == [{"sk": "x#0"}, {"sk": "x#2"}]
    assert answer["LastEvaluatedKey"] == {"pk": "a", "sk": "x#2"}
    assert answer["ScannedCount"] == 3


@pytest.mark.parametrize(
    "value",
    [
        {"S": ""},
        {"N": "-1.50"},
        {"BOOL": False},
        {"NULL": True},
        {"L": [{"N": "1"}, {"M": {"a": {"SS": ["x", "y"]}}}]},
        {"B": b"\x00"},
        {"NS": ["1", "2"]},
    ],
    ids=str,
)
def test_a_value_of_dynamodb_is_read_as_boto3_reads_it(value: dict[str, Any]) -> None:
    shortly, wholly = (read(TypeDeserializer(), value) for read in _READERS)
    assert (shortly, type(shortly)) == (wholly, type(wholly))


@pytest.mark.parametrize("value", [{}, {"X": 1}])
def test_a_value_of_no_known_type_is_refused(value: dict[str, Any]) -> None:
    for read in _READERS:
        with pytest.raises(TypeError):
            read(TypeDeserializer(), value)


_READERS = (botocore_bypass.quick_deserialize, botocore_bypass.whole_deserialize)
