"""Failed back: the same instances, the same addresses, protected as before, as often as one likes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local.simulation.world import ORIGIN
from tests.workflows.control_messages import decide
from tests.workflows.failback_stage import (
    QUICK,
    TAG,
    away,
    back,
    fail_back,
    launches_at_origin,
    original,
    reversals,
    sides,
    still_away,
    without_plan,
)
from tests.workflows.stage import Stage, group, issue, stage, wave

QUIESCE = [{"document": "AWS-RunShellScript", "parameters": {"commands": ["sync"]}, "timeoutSeconds": 120}]
WAVES = [wave("data"), wave("web", "data")]
GROUPS = [group("db", "data", disksGiB=[8, 20]), group("web", "web")]


def test_a_fleet_comes_back_by_its_plan() -> None:
    with away() as (here, before):
        run = fail_back(here)
        back(here, before, run)
        assert [reversals(here, name) for name in here.servers] == [1, 1]
        assert sorted(launches_at_origin(here).values()) == [1, 1]
        for field in ("reverseReplicationSeconds", "cutoverSeconds", "reprotectSeconds"):
            assert run.report[field] > 0
        assert here.subjects()[-3:] == [
            "shop: failback started",
            "shop: wave all completed",
            "shop: failback completed",
        ]
        # Of either side the volume that the launch replaced.
        volumes = {v["instanceId"] for v in run.report["detachedVolumes"]}
        assert volumes == {place(here, name) for name in here.servers for place in (original, Stage.target)}


def test_by_the_id_of_the_failover_and_without_a_plan() -> None:
    with away() as (here, before):
        back(here, before, without_plan(here, "back", failover="out"))


def test_by_recovery_instances_and_then_the_rest() -> None:
    """Half of the fleet is failed back already when the other half follows; it is left alone."""
    with away() as (here, before):
        one = fail_back(here, "one", recoveryInstanceIds=[here.target("app-2")])
        assert one.outcomes == {"app-2": "RECOVERED"}
        back(here, before, one, only={"app-2"})
        still = sides(here, "app-1")
        assert still == ("running", "running"), "the other one is untouched, not even its original"
        rest = fail_back(here, "rest")
        assert rest.server("app-2")["jobId"] is None
        back(here, before, rest)
        assert sorted(launches_at_origin(here).values()) == [1, 1]


def test_a_failback_of_what_is_failed_back_does_nothing() -> None:
    with away() as (here, before):
        fail_back(here)
        after = here.world()
        again = fail_back(here, "again")
        back(here, before, again)
        assert {**here.world(), "pairs": None} == {**after, "pairs": None}


@pytest.mark.parametrize("word", ["checkOnly", "dryRun"])
def test_checks_alone_change_nothing(word: str) -> None:
    with away() as (here, _):
        after = here.world()
        request: dict[str, Any] = {word: True}
        run = fail_back(here, **request)
        assert run.status == "COMPLETED"
        assert run.report["estimateSeconds"] > 0
        assert {run.server(name)["originalInstanceId"] for name in here.servers} == {
            original(here, name) for name in here.servers
        }
        assert here.world() == after
        assert here.cloud.calls["drs", "ReverseReplication"] == 0


def test_there_and_back_and_there_and_back() -> None:
    """After a round everything is as at the start: the next failover works at once."""
    with away() as (here, before):
        back(here, before, fail_back(here, "back-1"))
        pairs = here.pairs()
        again = here.run("out-2")
        assert again.status == "COMPLETED"
        for name in here.servers:
            assert again.server(name)["pairInstanceId"] == here.target(name)
            assert again.server(name)["jobId"]
            assert sides(here, name)[1] == "running"
        back(here, before, fail_back(here, "back-2"))
        assert [reversals(here, name) for name in here.servers] == [2, 2]
        history = {"lastFailover", "lastFailoverAt", "lastFailback", "lastFailbackAt", "detachedVolumes"}
        history |= {"movedBy", "revision", "lastLaunchAt"}
        assert [{k: v for k, v in pair.items() if k not in history} for pair in here.pairs().values()] == [
            {k: v for k, v in pair.items() if k not in history} for pair in pairs.values()
        ]


def test_by_wave_a_dependent_server_leaves_the_recovery_side_when_the_other_is_failed_back() -> None:
    policies = {"failback": {"launchOrder": "BY_WAVE"}}
    with away(*GROUPS, waves=WAVES, policies=policies) as (here, before):
        run = fail_back(here)
        back(here, before, run)
        assert run.report["launchOrder"] == "BY_WAVE"
        db, web = run.server("db"), run.server("web")
        assert db["verifiedAt"] <= web["workloadStoppedAt"] <= web["launchedAt"]


def test_together_only_the_start_of_a_dependent_server_waits() -> None:
    with away(*GROUPS, waves=WAVES) as (here, before):
        run = fail_back(here)
        back(here, before, run)
        assert run.server("web")["launchedAt"] <= run.server("db")["verifiedAt"]
        assert run.server("db")["verifiedAt"] <= run.server("web")["verifiedAt"]


def test_before_start_the_workload_runs_through_the_launch_stopped() -> None:
    policies = {"failback": {"stopWorkload": "BEFORE_START", "quiesce": QUIESCE}}
    with away(policies=policies) as (here, before):
        running: list[str] = []
        here.cloud.on_function(
            "VerifyLaunchesFunction", lambda event: running.extend(sides(here, n)[1] for n in here.servers)
        )
        run = fail_back(here)
        back(here, before, run)
        assert set(running) == {"running"}
        assert here.cloud.calls["ssm", "SendCommand"] == 1
        for name in here.servers:
            assert here.record("back", name)["quiescedAt"]
            assert run.server(name)["launchedAt"] <= run.server(name)["workloadStoppedAt"]


def test_a_server_that_cannot_be_quiesced_stays_where_it_runs() -> None:
    policies = {"failback": {"quiesce": QUIESCE}}
    with away(waves=[wave("all", onFailure="CONTINUE")], policies=policies) as (here, before):
        here.ec2_fault("COMMAND_FAILS", "app-1", message="no such file")
        run = fail_back(here)
        assert run.status == "COMPLETED_WITH_FAILURES"
        assert run.outcomes == {"app-1": "FAILED", "app-2": "RECOVERED"}
        assert run.server("app-1")["reason"].startswith("Not quiesced: AWS-RunShellScript ended as Failed")
        assert sides(here, "app-1") == ("running", "running")
        back(here, before, run, only={"app-2"})
        here.cloud.ec2.clear_faults()
        again = fail_back(here, "again")
        back(here, before, again)
        assert reversals(here, "app-1") == 1


def answering(here: Stage, answer: str) -> list[str]:
    """An operator answers every question a minute after it was asked; gives the subjects of the questions."""
    asked: list[str] = []

    def say(event: dict[str, Any]) -> None:
        asked.append(event.get("subject", "START"))
        if answer == "approve":
            here.cloud.clock.call_later(60, lambda: decide(here, event))
        elif answer == "reject":
            here.cloud.clock.call_later(60, lambda: decide(here, event, "REJECT"))

    here.cloud.on_function("RequestApprovalFunction", say)
    return asked


APPROVAL = {"failback": {"approval": "REQUIRED"}}


def test_the_cutover_waits_for_approval() -> None:
    with away(policies=APPROVAL) as (here, before):
        asked = answering(here, "approve")
        run = fail_back(here)
        assert asked == ["CUTOVER"]
        back(here, before, run)


@pytest.mark.parametrize(
    ("answer", "error"), [("reject", "ApprovalRejected"), ("nothing", "ApprovalExpired")]
)
def test_without_approval_nothing_is_cut_over_and_a_second_failback_goes_on(answer: str, error: str) -> None:
    with away(policies=APPROVAL) as (here, before):
        answering(here, answer)
        run = fail_back(here)
        assert run.status == "CANCELLED"
        assert error in run.report["reason"]
        assert set(run.outcomes.values()) == {"SKIPPED"}
        assert {sides(here, name) for name in here.servers} == {("running", "running")}
        again = fail_back(here, "again", plan={**here.plan, "policies": {}})
        back(here, before, again)
        assert [reversals(here, name) for name in here.servers] == [1, 1]


def test_originals_that_are_stopped_stay_so_until_their_cutover() -> None:
    with away(policies={"failback": {"whenOriginalRuns": "BLOCK"}}) as (here, before):
        here.ec2(ORIGIN).stop_instances(InstanceIds=[original(here, name) for name in here.servers])
        here.cloud.advance(60)
        run = fail_back(here)
        back(here, before, run)
        assert run.codes("app-1") == set()


def test_originals_are_tagged_if_the_plan_asks() -> None:
    bare = group("app", **issue("originalUntagged"))
    with away(bare, policies={"failback": {"tagOriginals": True}}) as (here, before):
        assert TAG not in here.instances(ORIGIN)[original(here, "app")]["tags"]
        run = fail_back(here)
        assert "ORIGINAL_WILL_BE_TAGGED" in run.codes("app")
        back(here, before, run)
        assert TAG in here.instances(ORIGIN)[original(here, "app")]["tags"]


def by_hand(here: Stage, name: str) -> None:
    """An operator fails a server over in the console, into its target."""
    source = here.source(name)
    settings = {"copyPrivateIp": False, "copyTags": False, "targetInstanceTypeRightSizingMethod": "NONE"}
    here.drs().update_launch_configuration(sourceServerID=source, **settings)
    here.drs().update_launch_configuration(
        sourceServerID=source,
        launchDisposition="STARTED",
        launchIntoInstanceProperties={"launchIntoEC2InstanceID": here.target(name)},
    )
    here.drs().start_recovery(sourceServers=[{"sourceServerID": source}])


def test_without_a_record_the_originals_are_shown_and_must_be_confirmed() -> None:
    # No record of ours moved the workload: only the plan can let running originals be stopped.
    policies = {"failback": {"whenOriginalRuns": "STOP"}}
    with stage(group("app", count=2), jobs=QUICK, policies=policies) as here:
        before = here.world()
        for name in here.servers:
            by_hand(here, name)
        here.cloud.advance(600)
        after = here.world()
        shown = fail_back(here, "shown")
        assert shown.status == "BLOCKED"
        assert here.world() == after
        for name in here.servers:
            assert "ORIGINAL_UNCONFIRMED" in shown.codes(name)
            assert original(here, name) in shown.server(name)["reason"]
            assert here.target(name) in shown.server(name)["remedy"]
        confirmed = [
            {"recoveryInstanceId": here.target(n), "originalInstanceId": original(here, n)}
            for n in here.servers
        ]
        back(here, before, fail_back(here, confirmOriginals=confirmed))


def test_a_wrong_confirmation_is_refused_with_both_ids() -> None:
    with away() as (here, _):
        after = here.world()
        wrong = [{"recoveryInstanceId": here.target("app-1"), "originalInstanceId": original(here, "app-2")}]
        run = fail_back(here, confirmOriginals=wrong)
        assert run.status == "BLOCKED"
        assert "RECORD_CONTRADICTED_ORIGINAL" in run.codes("app-1")
        for instance in (original(here, "app-1"), original(here, "app-2")):
            assert instance in run.server("app-1")["reason"]
        assert here.world() == after


def test_a_dependent_wave_does_not_leave_when_the_other_could_not_come_back() -> None:
    with away(*GROUPS, waves=WAVES, policies={"failback": {"launchOrder": "BY_WAVE"}, "retries": 0}) as (
        here,
        before,
    ):
        here.drs_fault("PHASE_FAILS", phase="CONVERSION", server="db", direction="FAILBACK", times=1)
        run = fail_back(here)
        assert run.outcomes == {"db": "FAILED", "web": "SKIPPED"}
        still_away(here, "db")
        assert sides(here, "web") == ("running", "running"), "its turn never came"
        back(here, before, fail_back(here, "again"))
