"""A pair that contradicts our record, or the settings in DRS, is settled by a person before a launch."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflows.adversaries.outsiders import launches, point
from tests.workflows.failback_stage import away, fail_back
from tests.workflows.preparing import prepare
from tests.workflows.stage import Run, Stage, group, stage

APPS = (group("app"), group("victim"))


def rename(here: Stage, instance_id: str, name: str) -> None:
    here.ec2().create_tags(Resources=[instance_id], Tags=[{"Key": "Name", "Value": name}])


def only_app(here: Stage, name: str, **request: Any) -> Run:
    return here.run(name, servers=["app"], **request)


def overriding(code: str) -> list[dict[str, Any]]:
    return [{"check": code, "reason": "the tags were corrected", "servers": ["app"]}]


def manually(here: Stage, server: str, target: str) -> dict[str, Any]:
    """The plan with this pair written in it."""
    pair = {"sourceServerId": here.source(server), "targetInstanceId": target}
    return {**here.plan, "matching": {"manualPairs": [pair]}}


@pytest.mark.parametrize("prepared", [False, True])
def test_a_name_tag_that_moved_to_another_target_after_a_round_trip(prepared: bool) -> None:
    with away(*APPS) as (here, _):
        assert fail_back(here).status == "COMPLETED"
        if prepared:
            here.store_plan()
            here.cloud.run("prepare", {"plan": "shop"}, name="prepared")
        victim = here.target("victim")
        rename(here, here.target("app"), "app-old")
        rename(here, victim, "app")
        disks = here.instances()[victim]["volumes"]

        dry, real = only_app(here, "dry", dryRun=True), only_app(here, "real")

        for run in (dry, real):
            assert run.outcomes == {"app": "BLOCKED"}
            assert "PAIR_CHANGED" in run.codes("app")
            assert here.target("app") in run.server("app")["reason"]
        assert here.instances()[victim]["volumes"] == disks


def test_the_remedies_of_a_changed_pair_settle_it() -> None:
    with away(*APPS) as (here, _):
        fail_back(here)
        own, victim = here.target("app"), here.target("victim")
        rename(here, own, "app-old")
        rename(here, victim, "app")

        here.plan = manually(here, "app", own)
        assert only_app(here, "manual", dryRun=True).outcomes == {"app": "READY"}
        here.plan = {**here.plan, "matching": {}}
        lifted = only_app(here, "lifted", overrides=overriding("PAIR_CHANGED"))
        assert (lifted.status, lifted.outcomes) == ("COMPLETED", {"app": "RECOVERED"})
        assert lifted.server("app")["pairInstanceId"] == victim


def test_settings_that_name_another_target_block_until_a_person_says_which_is_meant() -> None:
    with stage(*APPS) as here:
        point(here, "app", here.target("victim"))
        blocked = only_app(here, "blocked")
        assert blocked.outcomes == {"app": "BLOCKED"}
        assert "LAUNCH_INTO_OTHER" in blocked.codes("app")
        assert here.launch_settings("app")["launchIntoInstanceProperties"] == {
            "launchIntoEC2InstanceID": here.target("victim")
        }

        with launches(here) as seen:
            lifted = only_app(here, "lifted", overrides=overriding("LAUNCH_INTO_OTHER"))
        assert lifted.status == "COMPLETED"
        assert seen == [{here.source("app"): here.target("app")}]


def test_a_replaced_target_is_accepted_beforehand_by_a_preparation() -> None:
    with away(*APPS) as (here, _):
        fail_back(here)
        own, other = here.target("app"), here.target("victim")
        rename(here, own, "app-old")
        rename(here, other, "app")
        here.store_plan()
        assert "acceptPairs" in finding_of(only_app(here, "dry", dryRun=True), "PAIR_CHANGED")["remedy"]

        misspelt = prepare(here, "misspelt", plan="shop", acceptPairs=["ap"])
        assert misspelt.report["status"] == "COMPLETED_WITH_FAILURES"
        assert "Write 'app' instead of 'ap'" in misspelt.report["remedy"]
        assert here.pairs()[here.source("app")]["pairInstanceId"] == own

        accepted = prepare(here, "accepted", plan="shop", acceptPairs=["app"])
        assert accepted.report["acceptedPairs"] == [{"name": "app", "before": own, "after": other}]
        assert accepted.outcomes["app"] == "PREPARED"
        assert here.pairs()[here.source("app")]["pairInstanceId"] == other

        assert "PAIR_CHANGED" not in only_app(here, "again", dryRun=True).codes("app")
        real = only_app(here, "real")
        assert (real.status, real.server("app")["pairInstanceId"]) == ("COMPLETED", other)


def test_a_preparation_accepts_no_pair_that_another_check_blocks() -> None:
    with away(*APPS) as (here, _):
        fail_back(here)
        own, other = here.target("app"), here.target("victim")
        rename(here, own, "app-old")
        rename(here, other, "app")
        here.ec2().start_instances(InstanceIds=[other])
        here.cloud.advance(60)

        refused = prepare(here, "refused", acceptPairs=["app"])

        assert refused.outcomes["app"] == "BLOCKED"
        assert refused.report["acceptedPairs"] == []
        assert here.pairs()[here.source("app")]["pairInstanceId"] == own


def finding_of(run: Run, code: str) -> dict[str, Any]:
    return dict(next(one for one in run.server("app")["findings"] if one["code"] == code))
