"""EC2 refuses what goes beyond its token buckets, as the EC2 developer guide counts them."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.ministack import ec2_extras
from local.ministack.ec2_throttling import Limit, Size
from tests.local_cloud.test_engine_ec2 import ACCOUNT, REGION, Cloud


@pytest.fixture
def cloud() -> Cloud:
    made = Cloud()
    made.extras = ec2_extras.install(made.clock, is_throttled=lambda: True)
    made.client = boto3.client(
        "ec2",
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}),
    )
    made.client.meta.events.register("before-send.ec2", made._send)
    return made


def instances(cloud: Cloud, count: int) -> list[str]:
    found = [one["InstanceId"] for one in cloud.run(MinCount=count, MaxCount=count)]
    cloud.clock.advance(60)
    cloud.client.stop_instances(InstanceIds=found)
    cloud.clock.advance(60)
    return found


def refusal(cloud: Cloud, operation: str, ids: list[str]) -> tuple[int, str] | None:
    try:
        getattr(cloud.client, operation)(InstanceIds=ids)
    except ClientError as error:
        answer: dict[str, Any] = dict(error.response)
        return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]
    return None


LIMITED = (503, "RequestLimitExceeded")


def test_five_starts_at_once_then_two_a_second(cloud: Cloud) -> None:
    (name,) = instances(cloud, 1)
    asked = [refusal(cloud, "start_instances", [name]) for _ in range(6)]
    assert asked == [*[None] * 5, LIMITED]
    cloud.clock.advance(1)
    asked = [refusal(cloud, "start_instances", [name]) for _ in range(3)]
    assert asked == [None, None, LIMITED]
    assert cloud.extras.throttling.refused["StartInstances"] == 2
    cloud.clock.advance(60)
    assert refusal(cloud, "stop_instances", [name]) is None, "each operation has its own bucket"


def test_each_instance_of_a_request_takes_a_token_and_a_refused_request_none(cloud: Cloud) -> None:
    cloud.extras.throttling.limits["StartInstances"] = Limit(Size(50, 5), Size(10, 2))
    names = instances(cloud, 8)
    assert refusal(cloud, "start_instances", names) is None
    assert refusal(cloud, "start_instances", names[:3]) == LIMITED
    assert refusal(cloud, "start_instances", names[:2]) is None
    cloud.clock.advance(2)
    assert refusal(cloud, "start_instances", names[:4]) is None


def test_other_accounts_and_regions_have_buckets_of_their_own(cloud: Cloud) -> None:
    (name,) = instances(cloud, 1)
    cloud.extras.throttling.drain(ACCOUNT, "us-west-2", "StartInstances")
    assert refusal(cloud, "start_instances", [name]) is None
    cloud.extras.throttling.drain(ACCOUNT, REGION, "StartInstances")
    assert refusal(cloud, "start_instances", [name]) == LIMITED


def test_the_refusal_of_a_start_for_want_of_capacity_is_a_server_error(cloud: Cloud) -> None:
    (name,) = instances(cloud, 1)
    cloud.extras.add_faults([{"instance": name, "kind": "START_REFUSED", "times": 1}])
    assert refusal(cloud, "start_instances", [name]) == (500, "InsufficientInstanceCapacity")
    assert refusal(cloud, "start_instances", [name]) is None
