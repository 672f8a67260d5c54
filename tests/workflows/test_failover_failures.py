"""Each kind of issue by itself and all together: named with reason and remedy, and kept from launching."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflows.stage import group, issue, stage, wave

CONTINUE = {"onBlocked": "CONTINUE", "retries": 1}
ISSUES: dict[str, tuple[dict[str, Any], str, tuple[str, ...]]] = {
    "two-targets": (issue("twoTargets"), "TARGET_AMBIGUOUS", ("i-", "manualPairs")),
    "no-target": (issue("noTarget"), "TARGET_MISSING", ("no-target",)),
    "running": (issue("targetRunning"), "TARGET_RUNNING", ("running",)),
    "untagged": (issue("targetUntagged"), "TARGET_UNTAGGED", ("AWSDRS",)),
    "architecture": (issue("targetArchitecture"), "ARCHITECTURE_DIFFERS", ("arm64", "x86_64")),
    "not-continuous": (issue("notReplicating", state="DISCONNECTED"), "REPLICATION_NOT_READY", ()),
    "lagging": (issue("lag", seconds=7200), "LAG_TOO_HIGH", ()),
}
"""Blocked by the checks: what is wrong, the finding's code, and words of its reason."""


def test_every_blocked_server_is_named_and_the_healthy_one_recovered() -> None:
    groups = [group(name, **wrong) for name, (wrong, _, _) in ISSUES.items()]
    with stage(group("healthy"), *groups, policies=CONTINUE) as here:
        before = here.world()
        run = here.run()
        assert run.status == "COMPLETED_WITH_FAILURES"
        assert run.outcomes == {"healthy": "RECOVERED", **dict.fromkeys(ISSUES, "BLOCKED")}
        after = here.world()
        for name, (_, code, words) in ISSUES.items():
            reported = run.server(name)
            blocking = {f["code"] for f in reported["findings"] if f["severity"] != "WARNING"}
            assert code in blocking, reported["findings"]
            assert all(word in reported["reason"] + reported["remedy"] for word in words), reported
            assert reported["attempts"] == 0
            assert here.jobs_of(name) == []
            source = here.source(name)
            assert after["launch"][source] == before["launch"][source]
            for target in here.servers[name].target_instance_ids:
                assert after["recovery"][target] == before["recovery"][target]
        assert here.pairs().keys() == {here.source("healthy")}


@pytest.mark.parametrize("name", ["APP", "app.corp.example.com", "App.Corp.Example.com"])
def test_a_target_that_lacks_only_its_tag_gets_the_command_whatever_its_case_or_domain(name: str) -> None:
    with stage(group("app", **issue("targetUntagged"))) as here:
        here.plan["matching"] = {"domainSuffixes": [".corp.example.com"]}
        here.ec2().create_tags(Resources=[here.target("app")], Tags=[{"Key": "Name", "Value": name}])
        blocked = here.run("first").server("app")
        assert [finding["code"] for finding in blocked["findings"]] == ["TARGET_UNTAGGED"]
        assert f"aws ec2 create-tags --resources {here.target('app')}" in blocked["remedy"]
        tags = [{"Key": "AWSDRS", "Value": "AllowLaunchingIntoThisInstance"}]
        here.ec2().create_tags(Resources=[here.target("app")], Tags=tags)  # the remedy, followed
        assert here.run("second").outcomes == {"app": "RECOVERED"}


def test_with_stop_nothing_at_all_is_changed() -> None:
    with stage(group("healthy"), group("lonely", **issue("noTarget"))) as here:
        before = here.world()
        run = here.run()
        assert run.status == "BLOCKED"
        assert run.outcomes == {"healthy": "SKIPPED", "lonely": "BLOCKED"}
        assert here.world() == before
        assert run.result.error == "ExecutionBlocked"
        assert run.report["reason"] in str(run.result.cause)
        assert "CONTINUE" in run.report["remedy"]
        assert run.result.children == ()
        assert here.cloud.calls["drs", "StartRecovery"] == 0
        assert here.cloud.calls["drs", "UpdateLaunchConfiguration"] == 0
        assert here.subjects()[-1] == "shop: failover blocked"


def test_a_server_that_a_foreign_job_has_is_blocked_by_the_job_it_names() -> None:
    with stage(group("healthy"), group("busy"), policies=CONTINUE) as here:
        here.drs_fault("JOB_STUCK", phase="SNAPSHOT", server=here.source("busy"))
        [foreign] = [
            here.drs().start_recovery(sourceServers=[{"sourceServerID": here.source("busy")}])["job"]["jobID"]
        ]
        run = here.run()
        assert run.outcomes == {"healthy": "RECOVERED", "busy": "BLOCKED"}
        assert run.codes("busy") >= {"SERVER_BUSY"}
        assert foreign in run.server("busy")["reason"]
        assert len(here.jobs_of("busy")) == 1


def test_a_target_that_does_not_start_fails_its_server_and_keeps_the_capacity_error() -> None:
    broken = issue("targetDoesNotStart", message="Server.InsufficientInstanceCapacity: none left")
    waves = [wave("all", onFailure="CONTINUE")]
    with stage(group("healthy"), group("broken", **broken), waves=waves) as here:
        run = here.run()
        assert run.status == "COMPLETED_WITH_FAILURES"
        assert run.outcomes == {"healthy": "RECOVERED", "broken": "FAILED"}
        assert "InsufficientInstanceCapacity: none left" in run.server("broken")["reason"]
        assert here.target("broken") in run.server("broken")["remedy"]
        assert len(here.jobs_of("broken")) == 1
        assert here.source("broken") not in here.pairs()


def test_a_server_whose_status_checks_fail_is_failed_when_the_time_is_up() -> None:
    waves = [wave("all", onFailure="CONTINUE")]
    with stage(waves=waves, policies={"verifyTimeoutSeconds": 60}) as here:
        here.ec2_fault("STATUS_CHECK_FAILS", "app-1")
        run = here.run()
        assert run.outcomes == {"app-1": "FAILED", "app-2": "RECOVERED"}
        assert "impaired" in run.server("app-1")["reason"]
        assert "get-console-screenshot" in run.server("app-1")["remedy"]


@pytest.mark.parametrize("retries", [0, 2])
def test_a_conversion_that_always_fails_is_tried_as_often_as_the_plan_says(retries: int) -> None:
    message = "Failed to convert: unsupported boot loader"
    waves = [wave("all", onFailure="CONTINUE")]
    groups = [group("healthy"), group("odd", **issue("conversionFails", message=message))]
    with stage(*groups, waves=waves, policies={"retries": retries}) as here:
        run = here.run()
        assert run.outcomes == {"healthy": "RECOVERED", "odd": "FAILED"}
        assert message in run.server("odd")["reason"]
        assert message in run.summary
        assert run.server("odd")["attempts"] == retries + 1
        assert len(here.jobs_of("odd")) == retries + 1
        assert len(here.jobs_of("healthy")) == 1


def test_a_conversion_that_fails_once_is_tried_again_and_recovered() -> None:
    with stage(group("healthy"), group("odd", **issue("conversionFails", times=1))) as here:
        run = here.run()
        assert run.status == "COMPLETED"
        assert run.server("odd")["attempts"] == 2
        assert run.server("odd")["reason"] is None
        assert [len(here.jobs_of(name)) for name in ("healthy", "odd")] == [1, 2]
        assert len(run.wave("all")["jobs"]) == 2
        assert "RetryFailed" in run.result.visited["recovery-wave"]


def test_a_small_name_difference_is_proposed_and_never_paired() -> None:
    groups = [group("healthy"), group("ledger", **issue("similarName", target="{name}s"))]
    with stage(*groups, policies=CONTINUE, matching={"maxEditDistance": 1}) as here:
        run = here.run()
        assert run.outcomes == {"healthy": "RECOVERED", "ledger": "BLOCKED"}
        [proposal] = run.report["proposals"]
        assert (proposal["sourceServerId"], proposal["instanceId"]) == (
            here.source("ledger"),
            here.target("ledger"),
        )
        assert here.instances()[here.target("ledger")]["state"] == "stopped"
        assert here.target("ledger") in run.summary


def test_a_running_target_is_stopped_if_the_plan_asks() -> None:
    with stage(group("warm", **issue("targetRunning")), policies={"whenTargetRuns": "STOP"}) as here:
        run = here.run()
        assert run.status == "COMPLETED"
        assert "TARGET_WILL_BE_STOPPED" in run.codes("warm")
        assert "WaitForStop" in run.result.visited["recovery-wave"]


def test_a_target_that_does_not_stop_keeps_none_waiting() -> None:
    waves = [wave("all", onFailure="CONTINUE")]
    groups = [group("healthy"), group("warm", **issue("targetRunning"))]
    with stage(*groups, waves=waves, policies={"whenTargetRuns": "STOP"}) as here:
        here.ec2_fault("STOP_HANGS", "warm")
        run = here.run()
        assert run.outcomes == {"healthy": "RECOVERED", "warm": "FAILED"}
        assert "did not stop within 0:15:00" in run.server("warm")["reason"]
        assert "--force" in run.server("warm")["remedy"]
        assert here.jobs_of("warm") == []
        assert run.report["durationSeconds"] < 1800


def test_a_target_started_after_the_checks_is_left_alone() -> None:
    waves = [wave("all", onFailure="CONTINUE")]
    with stage(waves=waves) as here:
        once: list[str] = []

        def start_target(event: dict[str, Any]) -> None:
            if not once:
                once.append(event["now"])
                here.ec2().start_instances(InstanceIds=[here.target("app-1")])

        here.cloud.on_function("StopTargetsFunction", start_target)
        run = here.run()
        assert run.outcomes == {"app-1": "FAILED", "app-2": "RECOVERED"}
        assert "started after the checks" in run.server("app-1")["reason"]
        assert here.jobs_of("app-1") == []
        assert "launchIntoEC2InstanceID" not in str(here.launch_settings("app-1"))


def test_a_role_that_may_not_launch_blocks_the_site() -> None:
    with stage() as here:
        here.cloud.denied_actions.add("drs:StartRecovery")
        before = here.world()
        run = here.run()
        assert run.status == "BLOCKED"
        assert "ACTIONS_DENIED" in run.codes("app-1")
        assert "drs:StartRecovery" in run.server("app-1")["reason"]
        assert here.world() == before
