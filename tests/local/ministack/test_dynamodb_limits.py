"""DynamoDB's throughput in virtual time: what a key and a table take, and how the rest is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.ministack import dynamodb_limits
from local.simulation import VirtualCloud
from tests.local.states.lab import empty_cloud

ONCE = Config(retries={"total_max_attempts": 1, "mode": "standard"})


@pytest.fixture
def cloud() -> Iterator[VirtualCloud]:
    with empty_cloud() as cloud:
        cloud.client("dynamodb").create_table(
            TableName="things",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
            WarmThroughput={"WriteUnitsPerSecond": 2000, "ReadUnitsPerSecond": 12000},
        )
        limits = dynamodb_limits.Limits(lambda: cloud.clock.now().timestamp())
        dynamodb_limits.use(limits)
        yield cloud


@pytest.fixture
def client(cloud: VirtualCloud) -> Any:
    return boto3.resource("dynamodb", config=ONCE).meta.client


def item(key: int, number: int, size: int = 1) -> dict[str, Any]:
    return {"pk": f"key-{key}", "sk": f"{number:05}", "much": "." * (1024 * size - 100)}


def put(client: Any, key: int, number: int, size: int = 1) -> None:
    client.put_item(TableName="things", Item=item(key, number, size))


def code(call: Callable[[], Any]) -> str:
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def fill(client: Any, key: int, units: int) -> None:
    """Takes so many write units of a key, 100 at a time."""
    for number in range(units // 100):
        put(client, key, number, 100)


def test_a_key_takes_a_thousand_write_units_a_second(cloud: VirtualCloud, client: Any) -> None:
    fill(client, 1, 1000)
    assert code(lambda: put(client, 1, 1)) == "ProvisionedThroughputExceededException"
    put(client, 2, 1)
    cloud.clock.advance_to(cloud.clock.now() + timedelta(seconds=0.11))
    put(client, 1, 0, 100)
    assert code(lambda: put(client, 1, 1, 20)) == "ProvisionedThroughputExceededException"


def test_a_table_takes_its_warm_throughput(client: Any) -> None:
    fill(client, 1, 1000)
    fill(client, 2, 1000)
    assert code(lambda: put(client, 3, 1)) == "ThrottlingException"


def test_a_transaction_costs_double_and_is_refused_as_a_whole(client: Any) -> None:
    fill(client, 1, 900)
    both = [{"Put": {"TableName": "things", "Item": item(key, 99, 51)}} for key in (1, 2)]
    with pytest.raises(client.exceptions.TransactionCanceledException) as refused:
        client.transact_write_items(TransactItems=both)
    reasons = [reason["Code"] for reason in refused.value.response["CancellationReasons"]]
    assert reasons == ["ProvisionedThroughputExceeded", "None"]
    fill(client, 2, 1000)
    with pytest.raises(client.exceptions.TransactionCanceledException) as refused:
        client.transact_write_items(TransactItems=[{"Put": {"TableName": "things", "Item": item(3, 1, 51)}}])
    assert [r["Code"] for r in refused.value.response["CancellationReasons"]] == ["ThrottlingError"]
    assert "Item" not in client.get_item(TableName="things", Key={"pk": "key-3", "sk": "00001"})


def test_a_batch_comes_back_as_far_as_it_is_too_much(client: Any) -> None:
    fill(client, 1, 900)
    requests = [{"PutRequest": {"Item": item(1, number, 50)}} for number in (91, 92, 93)]
    answer = client.batch_write_item(RequestItems={"things": requests})
    assert answer["UnprocessedItems"] == {"things": requests[2:]}
    whole = {"RequestItems": {"things": requests}}
    assert code(lambda: client.batch_write_item(**whole)) == "ProvisionedThroughputExceededException"


def test_a_key_takes_three_thousand_read_units_a_second(cloud: VirtualCloud, client: Any) -> None:
    fill(client, 1, 400)
    of_key = {
        "TableName": "things",
        "KeyConditionExpression": "#n0 = :v0",
        "ExpressionAttributeNames": {"#n0": "pk"},
        "ExpressionAttributeValues": {":v0": "key-1"},
        "ConsistentRead": True,
    }
    calls = 0
    while not (refusal := code(lambda: client.query(**of_key))):
        calls += 1
        assert calls < 40
    assert (refusal, calls) == ("ProvisionedThroughputExceededException", 30)
    key = {"pk": "key-1", "sk": "00001"}
    get = {"TableName": "things", "Key": key, "ConsistentRead": True}
    assert code(lambda: client.get_item(**get)) == "ProvisionedThroughputExceededException"
    batch = {"RequestItems": {"things": {"Keys": [key, {"pk": "key-2", "sk": "1"}], "ConsistentRead": True}}}
    assert client.batch_get_item(**batch)["UnprocessedKeys"]["things"]["Keys"] == [key]


def test_a_stack_sets_the_warm_throughput_of_its_tables(cloud: VirtualCloud) -> None:
    table = {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "TableName": "made",
            "BillingMode": "PAY_PER_REQUEST",
            "WarmThroughput": {"WriteUnitsPerSecond": {"Ref": "Units"}},
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        },
    }
    template = {"Parameters": {"Units": {"Type": "Number", "Default": 5000}}, "Resources": {"Table": table}}
    cloudformation = cloud.client("cloudformation")
    cloudformation.create_stack(StackName="limits", TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName="limits", WaiterConfig={"Delay": 1})
    warm = cloud.client("dynamodb").describe_table(TableName="made")["Table"]["WarmThroughput"]
    assert (warm["WriteUnitsPerSecond"], warm["ReadUnitsPerSecond"]) == (5000, 12000)
