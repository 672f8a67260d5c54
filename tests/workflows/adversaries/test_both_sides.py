"""Both sides of a server at once are never silent, by whom and whenever the other one is started."""

from __future__ import annotations

import pytest

from tests.local.simulation.world import ORIGIN
from tests.workflows.control_messages import on
from tests.workflows.failback_stage import QUICK, away, fail_back, original, sides
from tests.workflows.stage import Run, group, issue, stage


def head(run: Run) -> str:
    return run.summary.split("\n\n## ")[0]


def next_step(run: Run) -> str:
    return run.summary.split("## Next")[1]


def test_originals_that_still_run_are_reported_before_and_after_a_failover() -> None:
    with stage(group("app", count=2), jobs=QUICK) as here:
        dry = here.run("dry", dryRun=True)
        first, second = original(here, "app-1"), original(here, "app-2")
        # One of them is stopped while the servers are recovered.
        on(here, "VerifyInstances", lambda: here.ec2(ORIGIN).stop_instances(InstanceIds=[first]))
        run = here.run("run")
        assert (dry.status, run.status) == ("COMPLETED", "COMPLETED")
        for name in ("app-1", "app-2"):
            assert "ORIGINAL_RUNS" in dry.codes(name)
        assert "2 originals run at the origin" in head(dry)
        assert "ORIGINAL_RUNS" in next_step(dry)
        assert "ORIGINAL_RUNS" not in run.codes("app-1"), "read again after the recovery"
        assert "ORIGINAL_RUNS" in run.codes("app-2")
        assert "1 original runs at the origin" in head(run)
        assert "app-2" in head(run)
        assert "ORIGINAL_RUNS" in next_step(run)
        assert second in run.summary


def test_originals_that_were_lost_are_no_finding_and_neither_is_a_drill() -> None:
    with stage(group("app"), group("kept", **issue("originalRuns")), jobs=QUICK) as here:
        drill = here.run("drill", mode="DRILL")
        assert drill.status == "COMPLETED"
        here.strike()
        run = here.run("run")
        for name in ("app", "kept"):
            assert "ORIGINAL_RUNS" not in drill.codes(name)
        assert "at the origin" not in head(drill)
        assert "ORIGINAL_RUNS" not in run.codes("app")
        assert "ORIGINAL_RUNS" in run.codes("kept")
        assert "1 original runs at the origin: kept" in head(run)


@pytest.mark.parametrize("function", ["VerifyLaunches", "StartInstances", "VerifyInstances"])
def test_a_workload_that_is_started_again_after_the_last_snapshot_is_not_left_behind(function: str) -> None:
    with away(group("app")) as (here, _):
        target = here.target("app")
        on(here, function, lambda: here.ec2().start_instances(InstanceIds=[target]))
        back = fail_back(here)
        assert back.status != "COMPLETED"
        assert back.outcomes == {"app": "FAILED"}
        server = back.server("app")
        assert target in server["reason"]
        assert "started again" in server["reason"]
        assert sides(here, "app") == ("stopped", "running"), "it goes on where its newest data are"
        assert here.pairs()[here.source("app")]["workloadSide"] == "RECOVERY"
        assert fail_back(here, "again").outcomes == {"app": "RECOVERED"}, "launched anew"


@pytest.mark.parametrize("function", ["Reprotect", "RetireRecovery"])
def test_a_workload_that_is_started_after_its_original_is_left_alone_and_reported(function: str) -> None:
    with away(group("app")) as (here, _):
        target = here.target("app")
        on(here, function, lambda: here.ec2().start_instances(InstanceIds=[target]))
        back = fail_back(here)
        assert back.outcomes == {"app": "RECOVERED"}
        here.cloud.advance(60)
        assert sides(here, "app") == ("running", "running"), "what it wrote is nowhere else: nothing stops it"
        assert "WORKLOAD_RUNS" in back.codes("app")
        assert "1 workload runs on the recovery side as well" in head(back)
        assert "WORKLOAD_RUNS" in next_step(back)
        assert target in back.server("app")["protectionReason"]
