"""A drill leaves everything as it was, however it ends; and it never touches anything real."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local.simulation.world import ORIGIN
from tests.workflows.killing import put_back
from tests.workflows.stage import Run, Stage, group, issue, stage, wave

WAVES = [wave("data"), wave("web", "data")]
GROUPS = [group("db", "data", disksGiB=[8, 20]), group("web", "web")]


def drill(here: Stage, name: str = "drill", **request: Any) -> Run:
    return here.run(name, mode="DRILL", **request)


def test_a_drill_recovers_everything_and_leaves_the_world_as_it_was() -> None:
    with stage(*GROUPS, waves=WAVES) as here:
        before = here.world()
        started: list[str] = []
        here.cloud.on_function(
            "CloseWaveFunction",
            lambda event: started.extend(
                name for name in here.servers if here.instances()[here.target(name)]["state"] == "running"
            ),
        )
        run = drill(here)
        assert run.status == "COMPLETED"
        assert run.report["mode"] == "DRILL"
        assert set(run.outcomes.values()) == {"RETURNED"}
        assert set(started) == {"db", "web"}, "they ran until the clean-up"
        assert put_back(here.world()) == put_back(before)
        assert {job["initiatedBy"] for job in here.drs_state()["jobs"]} == {"START_DRILL"}
        assert here.cloud.calls["ec2", "TerminateInstances"] == 0
        for name in here.servers:
            assert here.record("drill", name)["cleanedUpAt"]
            assert "cleanUpIssue" not in here.record("drill", name)
        assert "drill-cleanup" in run.result.visited
        assert here.locks() == {}
        assert {pair["workloadSide"] for pair in here.pairs().values()} <= {"ORIGIN"}


def test_after_a_drill_another_one_and_a_failover_work_at_once() -> None:
    with stage(*GROUPS, waves=WAVES) as here:
        before = here.world()
        for name in ("one", "two"):
            assert drill(here, name).status == "COMPLETED"
        assert put_back(here.world()) == put_back(before)
        run = here.run("real")
        assert run.status == "COMPLETED"
        assert set(run.outcomes.values()) == {"RECOVERED"}
        assert here.instances(ORIGIN) == before["origin"]


def test_the_swapped_volumes_are_kept_if_the_plan_asks() -> None:
    with stage(*GROUPS, waves=WAVES, policies={"drill": {"volumes": "KEEP"}}) as here:
        before = here.world()
        run = drill(here)
        assert run.status == "COMPLETED"
        after = here.world()
        for name in here.servers:
            mine = after["recovery"][here.target(name)]
            was = before["recovery"][here.target(name)]
            assert mine["state"] == "stopped"
            assert {device for device, _ in mine["volumes"]} == {device for device, _ in was["volumes"]}
            assert not {v for _, v in mine["volumes"]} & {v for _, v in was["volumes"]}
        for part in ("launch", "recoveryInstances", "origin"):
            assert after[part] == before[part]


@pytest.mark.parametrize("kind", ["targetDoesNotStart", "conversionFails"])
def test_a_drill_that_fails_is_cleaned_up_as_well(kind: str) -> None:
    groups = [group("db", "data", **issue(kind)), group("web", "web")]
    with stage(*groups, waves=WAVES, policies={"verifyTimeoutSeconds": 300}) as here:
        before = here.world()
        run = drill(here)
        assert run.status == "FAILED"
        assert run.outcomes == {"db": "FAILED", "web": "SKIPPED"}
        assert put_back(here.world()) == put_back(before)


def test_a_drill_of_what_runs_on_the_recovery_side_is_refused() -> None:
    with stage(*GROUPS, waves=WAVES) as here:
        assert here.run("real").status == "COMPLETED"
        before = here.world()
        run = drill(here)
        assert run.status == "BLOCKED"
        assert "TARGET_IN_USE" in run.codes("web")
        assert here.world() == before


def test_a_volume_that_is_missing_keeps_the_target_with_those_of_the_drill() -> None:
    with stage(group("app")) as here:
        before = here.world()
        [(device, root)] = before["recovery"][here.target("app")]["volumes"]
        deleted: list[bool] = []

        def delete(event: dict[str, Any]) -> None:
            if not deleted:
                deleted.append(True)
                here.ec2().delete_volume(VolumeId=root)

        here.cloud.on_function("StartInstancesFunction", delete)
        run = drill(here)
        after = here.world()
        [(kept, _)] = after["recovery"][here.target("app")]["volumes"]
        assert kept == device
        assert after["recovery"][here.target("app")]["state"] == "stopped"
        assert after["recoveryInstances"] == before["recoveryInstances"]
        assert after["launch"] == before["launch"]
        assert root in here.record("drill", "app")["cleanUpIssue"]
        assert run.server("app")["status"] == "RECOVERED"


def test_a_dry_run_of_a_drill_changes_nothing() -> None:
    with stage(*GROUPS, waves=WAVES) as here:
        before = here.world()
        run = drill(here, dryRun=True)
        assert run.status == "COMPLETED"
        assert here.world() == before
