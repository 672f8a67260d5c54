"""The comparison at the end of each scenario notices what it is there for."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import boto3
import pytest

from shared.rules.originals.both_sides import with_other_side
from shared.services import other_sides, recovery_launcher
from tests.workflows.oracle import check_facts, facts
from tests.workflows.preparing import prepare
from tests.workflows.scenarios import SCENARIOS, Scenario, play
from tests.workflows.scenarios.faults import once_at
from tests.workflows.scenarios.outsiders import Outsiders, points_elsewhere, starts_the_other_side
from tests.workflows.stage import Run, Stage, group, issue, stage, wave


def executions() -> Any:
    return boto3.resource("dynamodb").Table(os.environ["EXECUTIONS_TABLE"])


def take_a_lock(here: Stage) -> None:
    executions().put_item(Item={"pk": "LOCK#PLAN#other", "sk": "LOCK", "holder": "run"})


def claim_slot(here: Stage) -> None:
    executions().put_item(Item={"pk": "SLOTS#444455556666/us-east-2", "sk": "CLAIM#run#all#1"})


def lose_a_job(here: Stage) -> None:
    [job] = here.jobs_of("app")
    executions().delete_item(Key={"pk": "EXECUTION#run", "sk": f"JOB#{job['jobID']}"})


def lose_a_server(here: Stage) -> None:
    [server] = [
        item for item in here.items() if item.get("name") == "app" and item["sk"].startswith("SERVER#")
    ]
    executions().delete_item(Key={"pk": server["pk"], "sk": server["sk"]})


def stop_a_recovered_one(here: Stage) -> None:
    here.ec2().stop_instances(InstanceIds=[here.target("app")])


def terminate_one(here: Stage) -> None:
    here.ec2().terminate_instances(InstanceIds=[here.target("odd")])


def launch_again(here: Stage) -> None:
    here.ec2().stop_instances(InstanceIds=[here.target("app")])
    here.cloud.advance(60)
    here.drs().start_recovery(sourceServers=[{"sourceServerID": here.source("app")}])
    here.cloud.advance(600)
    here.ec2().start_instances(InstanceIds=[here.target("app")])
    here.cloud.advance(60)


def change_settings(here: Stage) -> None:
    here.drs().update_launch_configuration(sourceServerID=here.source("odd"), copyTags=True)


def leave_an_execution(here: Stage) -> None:
    here.cloud.add_machine(
        "idle", {"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 9, "End": True}}}
    )
    here.cloud.start("idle", {}, name="idle")
    here.cloud.advance(1)


SPOILED: dict[str, tuple[Callable[[Stage], None], str]] = {
    "a lock": (take_a_lock, "PLAN#other"),
    "a claim": (claim_slot, "CLAIM#run#all#1"),
    "a job": (lose_a_job, "drsjob-"),
    "a server": (lose_a_server, "app"),
    "a stop": (stop_a_recovered_one, "stop"),
    "a terminate": (terminate_one, "i-"),
    "a second launch": (launch_again, "was launched again"),
    "settings": (change_settings, "s-"),
    "an execution": (leave_an_execution, "idle"),
}


@pytest.mark.parametrize("spoiled", SPOILED)
def test_what_is_lost_doubled_or_left_behind_is_noticed(spoiled: str) -> None:
    spoil, word = SPOILED[spoiled]
    groups = [group("app"), group("odd", **issue("conversionFails"))]
    with stage(*groups, waves=[wave("all", onFailure="CONTINUE")]) as here:
        before = facts(here)
        run = here.run()
        check_facts(here, before, [run])
        spoil(here)
        with pytest.raises(AssertionError, match=word):
            check_facts(here, before, [run])


def test_a_quota_that_was_exceeded_is_noticed() -> None:
    with stage(group("app", count=2)) as here:
        before = facts(here)
        run = here.run()
        here.cloud.drs.admin("PATCH", "/settings", {"servers_in_all_jobs": 1})
        with pytest.raises(AssertionError, match="2 servers in jobs at once"):
            check_facts(here, before, [run])


def test_launch_settings_that_a_preparation_leaves_behind_are_noticed() -> None:
    groups = [group("app"), group("odd", **issue("conversionFails"))]
    with stage(*groups, waves=[wave("all", onFailure="CONTINUE")]) as here:
        before = facts(here)
        prepare(here, "first")
        run = here.run()
        check_facts(here, before, [run])
        prepare(here, "again")
        for item in here.items():
            if item["pk"].startswith("PREPARED#"):
                executions().delete_item(Key={"pk": item["pk"], "sk": item["sk"]})
        with pytest.raises(AssertionError, match=here.source("odd")):
            check_facts(here, before, [run])


def test_a_failure_reports_how_to_play_it_again() -> None:
    def spoil(here: Stage, dice: Any) -> None:
        raise AssertionError("as expected")

    spoiled: Scenario = replace(SCENARIOS["job-stuck"], arrange=spoil)
    with pytest.raises(AssertionError, match="as expected") as raised:
        play(spoiled, 7)
    assert raised.value.__notes__ == ["again: make soak SCENARIO=job-stuck SEED=7"]


def only(function: str, act: Callable[[Outsiders, str], None], name: str) -> Scenario:
    """The scenario with outsiders, who do one thing: right before the first call of a function."""

    def arrange(here: Stage, dice: Any) -> None:
        here.outsiders = outsiders = Outsiders(here, dice, share=0.0, returning=False)
        outsiders.begin()
        once_at(here, function, 1, lambda: act(outsiders, name))

    return replace(SCENARIOS["outsiders"], arrange=arrange)


INTERFERENCES = {
    "a launch into another server's target": (
        only("StartRecovery", points_elsewhere, "db"),
        (recovery_launcher, "as_decided", lambda *_: True),
        "is launched into",
    ),
    "both sides at once": (
        only("VerifyInstances", starts_the_other_side, "db"),
        (other_sides, "with_other_side", lambda server, other, mode: with_other_side(server, None, mode)),
        "runs on both sides",
    ),
}


@pytest.mark.parametrize("interference", INTERFERENCES)
def test_what_outsiders_bring_about_is_noticed_where_a_guard_is_missing(
    interference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario, guard, noticed = INTERFERENCES[interference]
    monkeypatch.setattr(*guard)
    with pytest.raises(AssertionError, match=noticed) as raised:
        play(scenario, 1)
    assert "again: make soak SCENARIO=outsiders SEED=1" in raised.value.__notes__


def test_the_same_seed_is_the_same_run() -> None:
    def reported(seed: int) -> tuple[Any, ...]:
        [run] = play(SCENARIOS["dies-midway"], seed)
        return tuple(sorted(_outline(run)))

    assert reported(5) == reported(5) != reported(6)


def _outline(run: Run) -> list[tuple[str, str, str]]:
    return [
        (result.machine, str(event["type"]), str(event["timestamp"]))
        for result in run.result.tree()
        for event in result.history
    ]
