"""Run Command on instances that have no operating system: who is reached, how long it takes, how it fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local.simulation.world import ORIGIN
from tests.workflows.stage import Stage, group, issue, stage


@pytest.fixture(scope="module")
def here() -> Iterator[Stage]:
    with stage(group("app", count=2), group("bare", **issue("noProfile"))) as built:
        yield built


def ssm(here: Stage) -> Any:
    return here.cloud.client("ssm", ORIGIN["account"], ORIGIN["region"])


def send(here: Stage, *instances: str) -> str:
    answer = ssm(here).send_command(
        DocumentName="AWS-RunShellScript", InstanceIds=list(instances), Parameters={"commands": ["sync"]}
    )
    assert answer["Command"]["Status"] == "Pending"
    return str(answer["Command"]["CommandId"])


def status(here: Stage, command: str, instance: str) -> str:
    return str(ssm(here).get_command_invocation(CommandId=command, InstanceId=instance)["Status"])


def original(here: Stage, server: str) -> str:
    return here.servers[server].original_instance_id


def test_a_command_succeeds_after_some_seconds_on_every_instance(here: Stage) -> None:
    instances = [original(here, "app-1"), original(here, "app-2")]
    command = send(here, *instances)

    assert {status(here, command, name) for name in instances} == {"Pending"}
    here.cloud.advance(1.5)
    assert {status(here, command, name) for name in instances} == {"InProgress"}
    here.cloud.advance(6)
    assert {status(here, command, name) for name in instances} == {"Success"}
    [listed] = ssm(here).list_commands(CommandId=command)["Commands"]
    assert (listed["Status"], listed["CompletedCount"]) == ("Success", 2)


def test_invocations_are_listed_newest_first_since_a_moment_in_pages(here: Stage) -> None:
    since = here.cloud.clock.now().isoformat()
    one, two = original(here, "app-1"), original(here, "app-2")
    first = send(here, one, two)
    here.cloud.advance(60)
    second = send(here, one)
    here.cloud.advance(10)
    after = [{"key": "InvokedAfter", "value": since}]
    pages = ssm(here).get_paginator("list_command_invocations").paginate(Filters=after, MaxResults=1)
    found = [item for page in pages for item in page["CommandInvocations"]]
    assert [(item["CommandId"], item["InstanceId"]) for item in found] == [
        (second, one),
        *((first, name) for name in sorted([one, two])),
    ]
    assert {item["Status"] for item in found} == {"Success"}
    assert ssm(here).list_command_invocations(CommandId=first, InstanceId=two)["CommandInvocations"]
    late = [{"key": "InvokedAfter", "value": here.cloud.clock.now().isoformat()}]
    assert ssm(here).list_command_invocations(Filters=late)["CommandInvocations"] == []


def test_a_command_fails_where_a_fault_asks(here: Stage) -> None:
    well, ill = original(here, "app-1"), original(here, "app-2")
    fault = {"kind": "COMMAND_FAILS", "instance": ill, "times": 1, "message": "no such file"}
    here.cloud.ec2.add_faults([fault])
    command = send(here, well, ill)
    here.cloud.advance(10)

    assert status(here, command, well) == "Success"
    found = ssm(here).get_command_invocation(CommandId=command, InstanceId=ill)
    assert (found["Status"], found["ResponseCode"], found["StandardErrorContent"]) == (
        "Failed",
        1,
        "no such file",
    )


def test_an_instance_without_agent_permissions_or_that_does_not_run_is_not_reached(here: Stage) -> None:
    stopped = here.target("app-1")
    recovery = here.cloud.client("ssm", "444455556666", "us-east-2")
    with pytest.raises(ClientError, match="InvalidInstanceId"):
        send(here, original(here, "app-1"), original(here, "bare"))
    with pytest.raises(ClientError, match="InvalidInstanceId"):
        recovery.send_command(DocumentName="AWS-RunShellScript", InstanceIds=[stopped])
