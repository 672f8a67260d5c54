"""What is meant to be recovered and is in no wave is named; a dry run that would recover nothing is red."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflows.stage import Run, Stage, group, issue, stage


def retag(here: Stage, server: str, **tags: str) -> None:
    drs = here.drs()
    [item] = drs.describe_source_servers(filters={"sourceServerIDs": [here.source(server)]})["items"]
    drs.tag_resource(
        resourceArn=item["arn"], tags={f"dr:{key.replace('_', '-')}": v for key, v in tags.items()}
    )


WITHOUT = {"app-1": "RECOVERED", "app-3": "RECOVERED"}


@pytest.mark.parametrize(
    ("tags", "code", "outcomes", "end"),
    [
        (
            {"wave": "All"},
            "SERVERS_UNSELECTED",
            {**WITHOUT, "app-2": "LEFT_OUT"},
            "completed with failures",
        ),
        ({"enabled": "yes"}, "TAG_VALUE_UNKNOWN", WITHOUT, "completed"),
    ],
)
def test_a_server_whose_tags_have_drifted_is_named_wherever_an_operator_reads(
    tags: dict[str, str], code: str, outcomes: dict[str, str], end: str
) -> None:
    with stage(group("app", count=3)) as here:
        retag(here, "app-2", **tags)
        dry, real = here.run("dry", dryRun=True), here.run("real")

        for run in (dry, real):
            [finding] = [f for f in run.report["findings"] if f["code"] == code]
            assert "app-2" in finding["found"]
            assert "Every server" not in run.summary
            assert "are in no wave" in run.summary
        assert real.outcomes == outcomes
        assert here.cloud.notifications[-1]["subject"] == f"shop: failover {end}; servers are in no wave"


def test_a_server_of_another_plan_is_not_left_out() -> None:
    with stage(group("app"), group("mail")) as here:
        here.plan["waves"][0]["servers"] = {"names": ["app"]}
        here.call("StorePlanFunction", {"plan": {**here.plan, "name": "other", "waves": [MAIL]}})
        run = here.run()
        assert run.outcomes == {"app": "RECOVERED"}
        assert run.status == "COMPLETED"


MAIL = {"name": "mail", "servers": {"names": ["mail"]}}


def dry_run(here: Stage, **request: Any) -> Run:
    return here.run("dry", dryRun=True, **request)


@pytest.mark.parametrize("policy", ["STOP", "CONTINUE"])
def test_a_dry_run_in_which_nothing_would_be_recovered_is_blocked(policy: str) -> None:
    with stage(group("app", **issue("noTarget")), policies={"onBlocked": policy}) as here:
        run = dry_run(here)
        assert (run.status, run.result.error) == ("BLOCKED", "ExecutionBlocked")


def test_a_dry_run_of_a_recovery_that_would_stop_at_its_checks_is_blocked() -> None:
    with stage(group("app"), group("odd", **issue("noTarget")), policies={"onBlocked": "STOP"}) as here:
        assert dry_run(here).status == "BLOCKED"


def test_a_dry_run_that_selects_nothing_is_blocked_with_the_remedy() -> None:
    with stage(group("app")) as here:
        here.plan["waves"][0]["servers"] = {"names": ["nowhere-*"]}
        run = dry_run(here)
        assert run.status == "BLOCKED"
        assert "check the selectors" in run.report["remedy"]
        assert "SELECTOR_EMPTY" in {finding["code"] for finding in run.report["findings"]}
