"""Power is used only on decided pairs: forged findings block a server, a late change fails it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer

from shared.store.execution_items import shard_of
from tests.workflows.adversaries.outsiders import launches
from tests.workflows.failback_stage import away, sides
from tests.workflows.stage import Stage, group, stage

CONTINUE = {"onBlocked": "CONTINUE"}
APPS = (group("app"), group("victim"), group("other"))


def once(here: Stage, function: str, act: Callable[[], None]) -> list[bool]:
    """``act()`` right before the first call of a function; the list is empty until then."""
    done: list[bool] = []

    def called(event: dict[str, Any]) -> None:
        if not done:
            done.append(True)
            act()

    here.cloud.on_function(f"{function}Function", called)
    return done


def forge(here: Stage, name: str, **fields: Any) -> None:
    """Fields of a server's finding are written, as a taken-over query function could."""
    _write(here, "FINDINGS_TABLE", name, fields)


def tamper(here: Stage, name: str, **fields: Any) -> None:
    """Fields of a server's record are written, as a taken-over function of another tier could."""
    _write(here, "EXECUTIONS_TABLE", name, fields)


def _write(here: Stage, table: str, name: str, fields: dict[str, Any]) -> None:
    client = here.cloud.client("dynamodb")
    written = TypeSerializer().serialize
    client.update_item(
        TableName=os.environ[table],
        Key={
            "pk": {"S": shard_of("run", here.source(name))},
            "sk": {"S": f"SERVER#all#{here.source(name)}"},
        },
        UpdateExpression="SET " + ", ".join(f"#{field} = :{field}" for field in fields),
        ExpressionAttributeNames={f"#{field}": field for field in fields},
        ExpressionAttributeValues={f":{field}": written(value) for field, value in fields.items()},
        ConditionExpression="attribute_exists(pk)",
    )


def untag(here: Stage, name: str) -> None:
    here.ec2().delete_tags(Resources=[here.target(name)], Tags=[{"Key": "AWSDRS"}])


def ready_though_untagged(here: Stage) -> None:
    untag(here, "app")
    forge(here, "app", status="READY", findings=[])


def swap_names(here: Stage) -> None:
    for one, other in (("app", "victim"), ("victim", "app")):
        here.ec2().create_tags(Resources=[here.target(one)], Tags=[{"Key": "Name", "Value": other}])


def finding(run: Any, name: str, code: str) -> dict[str, Any]:
    [found] = [one for one in run.server(name)["findings"] if one["code"] == code]
    return dict(found)


FORGERIES: dict[str, tuple[Callable[[Stage], None], str]] = {
    "another instance": (
        lambda here: forge(here, "app", pairInstanceId=here.target("victim")),
        "PAIR_CONTRADICTED",
    ),
    "ready though untagged": (
        ready_though_untagged,
        "TARGET_UNTAGGED",
    ),
    "no verdict": (lambda here: forge(here, "app", status="MATCHED"), "NOT_CHECKED"),
    "an unknown site": (lambda here: forge(here, "app", site="elsewhere"), "SOURCE_SERVER_NOT_FOUND"),
    "names that were swapped": (swap_names, "PAIR_CONTRADICTED"),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_what_findings_say_blocks_a_server_and_launches_nothing(forgery: str) -> None:
    act, code = FORGERIES[forgery]
    with stage(*APPS) as here:
        disks = {name: here.instances()[here.target(name)]["volumes"] for name in ("app", "victim")}
        done = once(here, "DecidePairs", lambda: act(here))
        with launches(here) as seen:
            run = here.run(servers=["app", "other"], **CONTINUE)
        assert done
        assert run.outcomes == {"app": "BLOCKED", "other": "RECOVERED"}
        assert finding(run, "app", code)["remedy"]
        assert seen == [{here.source("other"): here.target("other")}]
        assert disks == {name: here.instances()[here.target(name)]["volumes"] for name in disks}


def test_an_adoption_and_an_override_that_findings_claim_do_not_count() -> None:
    with stage(*APPS) as here:
        claim = {"adoption": "LAUNCH", "adoptedFrom": "other", "jobId": "drsjob-1", "launchChanged": True}
        done = once(here, "DecidePairs", lambda: forge(here, "app", **claim))
        with launches(here) as seen:
            run = here.run(servers=["app"])
        assert done
        assert run.outcomes == {"app": "RECOVERED"}
        assert seen == [{here.source("app"): here.target("app")}]


@pytest.mark.parametrize("function", ["StopTargets", "StartRecovery", "StartInstances"])
def test_a_pair_that_is_changed_in_the_table_later_fails_its_server_alone(function: str) -> None:
    with stage(*APPS) as here:
        victim = here.target("victim")
        before = here.instances()[victim]
        done = once(here, function, lambda: tamper(here, "app", pairInstanceId=victim))
        run = here.run(servers=["app", "other"], **CONTINUE)
        assert done
        assert run.outcomes == {"app": "FAILED", "other": "RECOVERED"}
        assert here.target("app") in finding(run, "app", "DECIDED_PAIR_CHANGED")["found"]
        after = here.instances()[victim]
        assert (after["volumes"], after["state"]) == (before["volumes"], before["state"])


@pytest.mark.parametrize("function", ["StopTargets", "StartInstances"])
def test_a_target_that_loses_its_tag_is_neither_launched_into_nor_started(function: str) -> None:
    with stage(*APPS) as here:
        done = once(here, function, lambda: untag(here, "app"))
        run = here.run(servers=["app", "other"], **CONTINUE)
        assert done
        assert run.outcomes == {"app": "FAILED", "other": "RECOVERED"}
        assert "create-tags" in run.server("app")["remedy"]
        assert here.instances()[here.target("app")]["state"] == "stopped"


def test_a_failback_stops_no_workload_and_launches_into_no_original_that_was_not_decided() -> None:
    with away(*APPS) as (here, _):
        victim, before = here.target("victim"), sides(here, "app")
        done = once(here, "DecidePairs", lambda: forge(here, "app", workloadInstanceId=victim))
        run = here.run("run", mode="FAILBACK", **CONTINUE)
        assert done
        assert run.outcomes["app"] == "BLOCKED"
        assert run.outcomes["other"] == "RECOVERED"
        assert victim in finding(run, "app", "PAIR_CONTRADICTED")["found"]
        assert sides(here, "app") == before
