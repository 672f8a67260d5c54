"""A failover in which nothing goes wrong: what moved, what was recorded, what was reported."""

from __future__ import annotations

from tests.local.simulation.world import ORIGIN
from tests.workflows.stage import group, site, stage, wave

REPORT_FIELDS = {
    "executionId",
    "plan",
    "mode",
    "status",
    "startedAt",
    "endedAt",
    "durationSeconds",
    "launchOrder",
    "totals",
    "waves",
    "servers",
}
WAVE_FIELDS = {"name", "status", "startedAt", "endedAt", "jobs", "dependsOn"}
SERVER_FIELDS = {
    "name",
    "sourceServerId",
    "pairInstanceId",
    "recoveryInstanceId",
    "privateIpBefore",
    "privateIpAfter",
    "wave",
    "status",
    "attempts",
    "reason",
    "remedy",
    "launchedAt",
    "verifiedAt",
}


def test_everything_is_recovered_in_place_and_reported() -> None:
    groups = [group("db", "data", disksGiB=[8, 20]), group("web", "web", count=2)]
    with stage(*groups, waves=[wave("data"), wave("web", "data")]) as here:
        before = here.world()
        run = here.run()

        assert run.status == "COMPLETED"
        totals = run.report["totals"]
        assert {key: count for key, count in totals.items() if count} == {"servers": 3, "recovered": 3}
        after = here.world()
        assert after["recovery"].keys() == before["recovery"].keys()
        for name in here.servers:
            target = here.target(name)
            was, now = before["recovery"][target], after["recovery"][target]
            assert (was["state"], now["state"]) == ("stopped", "running")
            assert was["address"] == now["address"]
            assert was["tags"] == [tag for tag in now["tags"] if tag in was["tags"]]
            assert not set(was["volumes"]) & set(now["volumes"])
            reported = run.server(name)
            assert reported["pairInstanceId"] == target
            assert reported["sourceServerId"] == here.source(name)
            assert reported["privateIpBefore"] == reported["privateIpAfter"] == now["address"]
            assert reported["originalInstanceId"] == here.servers[name].original_instance_id
            assert reported["recoveryInstanceId"]
            assert reported["launchedAt"] <= reported["verifiedAt"]
            assert reported["attempts"] == 1
            assert reported["startedByDrs"] is False
        assert here.instances(ORIGIN) == before["origin"]


def test_the_report_has_every_field_and_a_summary_beside_it() -> None:
    with stage() as here:
        run = here.run()
        assert run.report.keys() >= REPORT_FIELDS
        [the_wave] = run.report["waves"]
        assert the_wave.keys() >= WAVE_FIELDS
        for server in run.report["servers"]:
            assert server.keys() >= SERVER_FIELDS
        assert run.report["executionId"] == "run"
        assert run.report["plan"] == "shop"
        assert run.report["durationSeconds"] > 0
        assert [job["jobId"] for job in run.jobs] == the_wave["jobs"]
        assert run.jobs[0]["status"] == "COMPLETED"
        assert run.result.output["report"].endswith("/shop/run/report.json")
        assert "COMPLETED" in run.summary
        assert all(name in run.summary for name in here.servers)


def test_launch_settings_are_as_wanted_and_the_previous_ones_kept() -> None:
    with stage() as here:
        here.drs().update_launch_configuration(
            sourceServerID=here.source("app-1"),
            copyPrivateIp=True,
            copyTags=True,
            launchDisposition="STARTED",
            targetInstanceTypeRightSizingMethod="BASIC",
        )
        run = here.run()
        assert run.status == "COMPLETED"
        settings = here.launch_settings("app-1")
        assert settings["launchIntoInstanceProperties"] == {"launchIntoEC2InstanceID": here.target("app-1")}
        assert settings["launchDisposition"] == "STOPPED"
        assert (settings["copyPrivateIp"], settings["copyTags"]) == (False, False)
        kept = here.record("run", "app-1")["previousLaunch"]
        assert kept["copyPrivateIp"] is True
        assert kept["copyTags"] is True
        assert kept["launchDisposition"] == "STARTED"
        assert kept["rightSizing"] == "BASIC"


def test_settings_that_are_right_already_are_not_written() -> None:
    with stage() as here:
        for name in here.servers:
            source = here.source(name)
            here.drs().update_launch_configuration(
                sourceServerID=source,
                launchDisposition="STOPPED",
                targetInstanceTypeRightSizingMethod="NONE",
                copyPrivateIp=False,
                copyTags=False,
            )
            here.drs().update_launch_configuration(
                sourceServerID=source,
                launchIntoInstanceProperties={"launchIntoEC2InstanceID": here.target(name)},
            )
        written = here.cloud.calls["drs", "UpdateLaunchConfiguration"]
        assert here.run().status == "COMPLETED"
        assert here.cloud.calls["drs", "UpdateLaunchConfiguration"] == written


def test_the_pairs_are_remembered() -> None:
    with stage() as here:
        run = here.run()
        for name in here.servers:
            pair = here.pairs()[here.source(name)]
            reported = run.server(name)
            assert pair["pairInstanceId"] == here.target(name)
            assert pair["originalInstanceId"] == here.servers[name].original_instance_id
            assert pair["privateIp"] == reported["privateIpAfter"]
            assert pair["originalPrivateIp"]
            assert pair["workloadSide"] == "RECOVERY"
            assert pair["lastFailover"] == "run"
            assert pair["lastFailoverAt"] == reported["verifiedAt"]


def test_operators_are_notified_of_the_start_each_wave_and_the_end() -> None:
    groups = [group("db", "data"), group("web", "web")]
    with stage(*groups, waves=[wave("data"), wave("web", "data")]) as here:
        here.run()
        assert here.subjects() == [
            "shop: failover started",
            "shop: wave data completed",
            "shop: wave web completed",
            "shop: failover completed",
        ]
        assert "shop/run/report.json" in here.cloud.notifications[-1]["message"]


def test_polling_costs_one_describe_jobs_per_scope_and_round() -> None:
    waves = [wave("one"), wave("two"), wave("three")]
    with stage(*[group(f"app-{w['name']}", w["name"]) for w in waves], waves=waves) as here:
        polls: list[str] = []
        here.cloud.on_function("WatchJobsFunction", lambda event: polls.append(event["now"]))
        assert here.run().status == "COMPLETED"
        rounds = set(polls)
        assert len(rounds) < len(polls)
        # Beside the rounds: one poll by the checks, one by each batch before it starts its job, one by each
        # wave that is resumed, and one to see its job's end.
        assert here.cloud.calls["drs", "DescribeJobs"] <= len(rounds) + 1 + 3 * len(waves)


def test_a_plan_started_again_verifies_what_runs_already_and_changes_nothing() -> None:
    with stage() as here:
        here.run("first")
        before = here.world()
        again = here.run("second")
        assert again.status == "COMPLETED"
        assert set(again.outcomes.values()) == {"RECOVERED"}
        assert "ADOPTED" in again.codes("app-1")
        assert "first" in next(
            f["found"] for f in again.server("app-1")["findings"] if f["code"] == "ADOPTED"
        )
        assert {**here.world(), "pairs": None} == {**before, "pairs": None}
        assert here.cloud.calls["drs", "StartRecovery"] == 1


def test_another_plan_leaves_alone_what_runs_already() -> None:
    with stage() as here:
        here.run("first")
        before = here.world()
        rival = {**here.plan, "name": "rival"}
        again = here.wait(here.cloud.start("failover", {"plan": rival}, name="second"))
        assert again.status == "BLOCKED"
        assert set(again.outcomes.values()) == {"BLOCKED"}
        assert "TARGET_IN_USE" in again.codes("app-1")
        assert here.world() == before


WEST = site(
    "west",
    {"account": "111122223333", "region": "us-west-1"},
    {"account": "777788889999", "region": "us-west-2"},
)


def test_a_wave_over_two_sites_is_one_job_in_each_recovery_scope() -> None:
    with stage(group("east-app"), group("west-app", site="west"), more_sites=[WEST]) as here:
        run = here.run()
        assert run.status == "COMPLETED"
        assert {run.server(name)["scope"] for name in here.servers} == {
            "444455556666/us-east-2",
            "777788889999/us-west-2",
        }
        assert len(run.wave("all")["jobs"]) == 2
        assert {job["scope"]: job["servers"] for job in run.jobs} == {
            "444455556666/us-east-2": 1,
            "777788889999/us-west-2": 1,
        }
        assert here.instances(WEST["recovery"])[here.target("west-app")]["state"] == "running"


def test_a_site_without_servers_to_recover_is_not_complained_about() -> None:
    with stage(group("east-app"), group("west-app", site="west"), more_sites=[WEST]) as here:
        run = here.run(servers=["west-app"])
        assert run.outcomes == {"west-app": "RECOVERED"}
        assert run.report["findings"] == []


def test_a_request_for_one_site_leaves_the_other_alone_and_does_not_complain_about_it() -> None:
    waves = [wave("one"), wave("two")]
    servers = (group("east-app", wave="one"), group("west-app", site="west", wave="two"))
    with stage(*servers, waves=waves, more_sites=[WEST]) as here:
        run = here.run(sites=["west"])
        assert run.status == "COMPLETED"
        assert run.outcomes == {"west-app": "RECOVERED"}
        assert run.report["findings"] == []
