"""Faults of the virtual cloud: calls that are throttled, unanswered or denied; functions that die."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local.simulation import VirtualCloud
from local.simulation.call_faults import CallFault, CallFaultKind
from local.simulation.functions import Disturbance
from tests.local.states.lab import call, empty_cloud, machine

ONCE = Config(retries={"mode": "standard", "total_max_attempts": 1})
ROLE = "arn:aws:iam::444455556666:role/query"


@pytest.fixture
def cloud() -> Iterator[VirtualCloud]:
    with empty_cloud(seed=3) as made:
        made.client("dynamodb").create_table(
            TableName="things",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield made


def things(cloud: VirtualCloud) -> set[str]:
    return {item["pk"]["S"] for item in cloud.client("dynamodb").scan(TableName="things")["Items"]}


def put(name: str, **config: Any) -> None:
    client = boto3.client("dynamodb", **config)
    client.put_item(TableName="things", Item={"pk": {"S": name}})


def run(cloud: VirtualCloud, handler: Any, **state: Any) -> Any:
    """Runs a machine whose only state invokes ``handler``."""
    cloud.add_function("work", handler)
    cloud.add_machine("one", machine("Work", Work=call("work", **state)))
    return cloud.run("one", {}, name="run")


CALLS: dict[str, Any] = {
    "dynamodb": lambda: put("a", config=ONCE),
    "drs": lambda: boto3.client("drs", config=ONCE).describe_source_servers(),
    "ec2": lambda: boto3.client("ec2", config=ONCE).describe_instances(),
    "sts": lambda: boto3.client("sts", config=ONCE).assume_role(RoleArn=ROLE, RoleSessionName="test"),
    "sfn": lambda: boto3.client("stepfunctions", config=ONCE).start_execution(stateMachineArn="a:b"),
    "sns": lambda: boto3.client("sns", config=ONCE).list_topics(),
    "s3": lambda: boto3.client("s3", config=ONCE).list_buckets(),
    "ssm": lambda: boto3.client("ssm", config=ONCE).list_commands(),
    "service-quotas": lambda: boto3.client("service-quotas", config=ONCE).list_services(),
    "iam": lambda: boto3.client("iam", config=ONCE).list_roles(),
    "lambda": lambda: boto3.client("lambda", config=ONCE).list_functions(),
}
THROTTLING = {
    "ec2": "RequestLimitExceeded",
    "s3": "SlowDown",
    "sts": "Throttling",
    "sns": "Throttling",
    "iam": "Throttling",
    "lambda": "TooManyRequestsException",
    "service-quotas": "TooManyRequestsException",
}


@pytest.mark.parametrize("service", CALLS)
def test_each_service_throttles_in_its_own_words(cloud: VirtualCloud, service: str) -> None:
    cloud.fault(CallFault(CallFaultKind.THROTTLED, (service,)))
    said: list[str] = []

    def handler(event: Any, context: Any) -> None:
        try:
            CALLS[service]()
        except ClientError as error:
            said.append(error.response["Error"]["Code"])

    run(cloud, handler)
    assert said == [THROTTLING.get(service, "ThrottlingException")]
    assert things(cloud) == set()


def test_a_call_that_is_repeated_waits_in_virtual_time(cloud: VirtualCloud) -> None:
    cloud.fault(CallFault(CallFaultKind.THROTTLED, ("drs",), times=4))
    retrying = Config(retries={"mode": "standard", "total_max_attempts": 5})

    def handler(event: Any, context: Any) -> None:
        with pytest.raises(ClientError, match="UninitializedAccount"):
            boto3.client("drs", config=retrying).describe_source_servers()

    begun = time.monotonic()
    result = run(cloud, handler)
    assert result.status == "SUCCEEDED"
    assert cloud.calls["drs", "DescribeSourceServers"] == 5
    assert time.monotonic() - begun < result.seconds + 30
    assert 0 < result.seconds < 60


def test_an_answer_is_lost_and_the_call_has_taken_effect(cloud: VirtualCloud) -> None:
    cloud.fault(CallFault(CallFaultKind.LOST_ANSWER, operations=("PutItem",), times=1))

    def handler(event: Any, context: Any) -> None:
        with pytest.raises(ClientError, match="InternalServerError"):
            put("a", config=ONCE)
        put("b", config=ONCE)

    assert run(cloud, handler).status == "SUCCEEDED"
    assert things(cloud) == {"a", "b"}


def test_a_transaction_whose_answer_is_lost_is_not_done_twice(cloud: VirtualCloud) -> None:
    cloud.fault(CallFault(CallFaultKind.LOST_ANSWER, operations=("TransactWriteItems",), times=1))
    new: Any = {"TableName": "things", "Item": {"pk": {"S": "a"}}}

    def handler(event: Any, context: Any) -> None:
        boto3.client("dynamodb").transact_write_items(TransactItems=[{"Put": new}])

    assert run(cloud, handler).status == "SUCCEEDED"
    assert cloud.calls["dynamodb", "TransactWriteItems"] == 2


@pytest.mark.parametrize(
    ("operation", "error"),
    [("put", "TransactionConflictException"), ("transact", "TransactionCanceledException")],
)
def test_writes_meet_other_transactions(cloud: VirtualCloud, operation: str, error: str) -> None:
    cloud.fault(CallFault(CallFaultKind.CONFLICT))
    new: Any = {"TableName": "things", "Item": {"pk": {"S": "a"}}}
    seen: list[Any] = []

    def handler(event: Any, context: Any) -> None:
        client = boto3.client("dynamodb", config=ONCE)
        write: dict[str, Callable[[], Any]] = {
            "put": lambda: client.put_item(**new),
            "transact": lambda: client.transact_write_items(TransactItems=[{"Put": new}]),
        }
        with pytest.raises(ClientError, match=error) as raised:
            write[operation]()
        seen.append(raised.value.response)

    assert run(cloud, handler).status == "SUCCEEDED"
    assert things(cloud) == set()
    if operation == "transact":
        assert [reason["Code"] for reason in seen[0]["CancellationReasons"]] == ["TransactionConflict"]


def test_a_role_of_one_account_is_denied(cloud: VirtualCloud) -> None:
    cloud.fault(CallFault(CallFaultKind.DENIED, ("sts",), ("AssumeRole",), account="444455556666"))

    def handler(event: Any, context: Any) -> None:
        sts = boto3.client("sts", config=ONCE)
        with pytest.raises(ClientError, match="AccessDenied"):
            sts.assume_role(RoleArn=ROLE, RoleSessionName="test")
        other = ROLE.replace("444455556666", "111122223333")
        assert sts.assume_role(RoleArn=other, RoleSessionName="test")["Credentials"]

    assert run(cloud, handler).status == "SUCCEEDED"


def test_tests_meet_no_faults(cloud: VirtualCloud) -> None:
    cloud.fault(CallFault(CallFaultKind.THROTTLED))
    assert things(cloud) == set()


def test_what_a_call_meets_does_not_depend_on_the_order_of_calls() -> None:
    def refusals(order: str) -> Counter[str]:
        refused: Counter[str] = Counter()

        def handler(event: Any, context: Any) -> None:
            for name in order * 4:
                try:
                    boto3.client("sts", config=ONCE).assume_role(RoleArn=ROLE, RoleSessionName=name * 2)
                except ClientError:
                    refused[name] += 1

        with empty_cloud(seed=3) as cloud:
            cloud.fault(CallFault(CallFaultKind.THROTTLED, ("sts",), probability=0.5))
            run(cloud, handler)
        return refused

    assert refusals("abcd") == refusals("dcba")
    assert 4 < refusals("abcd").total() < 12


@pytest.mark.parametrize(("after", "done"), [(0, set()), (1, {"a"}), (2, {"a", "b"}), (9, {"a", "b", "c"})])
def test_a_function_dies_after_so_many_of_its_calls(cloud: VirtualCloud, after: int, done: set[str]) -> None:
    cloud.disturb(lambda name, number: Disturbance("Lambda.Unknown", after_calls=after))

    def handler(event: Any, context: Any) -> None:
        try:
            for name in ("a", "b", "c"):
                put(name, config=ONCE)
        except Exception as error:
            raise AssertionError("its death is no exception that code could catch") from error
        finally:
            if after < 3:
                with pytest.raises(BaseException, match="work"):
                    put("from the grave", config=ONCE)

    result = run(cloud, handler)
    assert (result.status, result.error) == ("FAILED", "Lambda.Unknown")
    assert things(cloud) == done


def test_a_function_gets_its_input_twice_at_the_same_time() -> None:
    with empty_cloud(api_seconds=1.0) as cloud:
        cloud.disturb(lambda name, number: Disturbance(again_after=0))
        steps: list[tuple[str, float]] = []

        def handler(event: Any, context: Any) -> str:
            for step in ("first", "second"):
                boto3.client("sns").list_topics()
                steps.append((step, cloud.clock.now().timestamp()))
            return str(event["name"])

        cloud.add_function("work", handler)
        cloud.add_machine("one", machine("Work", Work=call("work")))
        result = cloud.run("one", {"name": "a"}, name="run")
        cloud.advance(10)
        assert result.output == "a"
        assert [step for step, _ in steps] == ["first", "first", "second", "second"]


def test_a_late_repetition_runs_when_all_is_over(cloud: VirtualCloud) -> None:
    cloud.disturb(lambda name, number: Disturbance(again_after=300))
    ran: list[float] = []
    begun = cloud.clock.now()
    result = run(cloud, lambda event, context: ran.append((cloud.clock.now() - begun).total_seconds()))
    assert (result.status, ran) == ("SUCCEEDED", [0])
    cloud.advance(600)
    assert ran == [0, 300]


def test_the_machines_clock_jumps_and_the_cloud_goes_on(cloud: VirtualCloud) -> None:
    seen: list[str] = []
    cloud.workflow_clock.ahead = timedelta(hours=-2)
    now = cloud.clock.now()
    cloud.add_function("work", lambda event, context: seen.append(event["now"]))
    entered = "{% {'now': $states.context.State.EnteredTime} %}"
    cloud.add_machine("one", machine("Work", Work=call("work", payload=entered)))
    assert cloud.run("one", {}, name="run").status == "SUCCEEDED"
    assert seen == [(now - timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S.000Z")]


def test_after_healing_nothing_fails(cloud: VirtualCloud) -> None:
    cloud.fault(CallFault(CallFaultKind.THROTTLED))
    cloud.disturb(lambda name, number: Disturbance("Lambda.Unknown"))
    cloud.heal()
    result = run(cloud, lambda event, context: put("a", config=ONCE))
    assert (result.status, json.dumps(result.output)) == ("SUCCEEDED", "null")
    assert things(cloud) == {"a"}
