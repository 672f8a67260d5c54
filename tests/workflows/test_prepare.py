"""A preparation leaves nothing to configure, touches no server that recovers, and can be undone."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.workflows.killing import GROUPS, WAVES, reach, send_end, states
from tests.workflows.preparing import begin, ended, prepare
from tests.workflows.stage import Stage, group, issue, stage, wave

WRITES = ("drs", "UpdateLaunchConfiguration")
NEVER = {
    ("drs", "StartRecovery"),
    ("drs", "ReverseReplication"),
    ("ec2", "StartInstances"),
    ("ec2", "StopInstances"),
}


def writes(here: Stage) -> int:
    """UpdateLaunchConfiguration calls since the last time."""
    made = here.cloud.calls[WRITES]
    here.cloud.calls[WRITES] = 0
    return made


def settings(here: Stage) -> dict[str, Any]:
    return {name: here.launch_settings(name) for name in here.servers}


def test_after_a_preparation_a_failover_has_nothing_to_configure() -> None:
    with stage(group("app", count=3)) as here:
        before = here.world()
        prepared = prepare(here)
        assert prepared.result.status == "SUCCEEDED"
        assert set(prepared.outcomes.values()) == {"PREPARED"}
        assert not NEVER & set(here.cloud.calls)
        assert {key: value for key, value in here.world().items() if key != "launch"} == {
            key: value for key, value in before.items() if key != "launch"
        }
        assert here.locks() == {}
        assert here.subjects() == [], "nothing is blocked: no operator is notified"
        assert writes(here) > 0
        run = here.run()
        assert run.status == "COMPLETED"
        assert writes(here) == 0


def test_what_is_right_already_is_not_written_again() -> None:
    with stage() as here:
        prepare(here)
        as_prepared = settings(here)
        writes(here)
        again = prepare(here, "again")
        assert set(again.outcomes.values()) == {"ALREADY_RIGHT"}
        assert writes(here) == 0
        assert settings(here) == as_prepared


def test_an_undo_puts_back_what_was_and_a_second_one_has_nothing_to_do() -> None:
    with stage() as here:
        before = settings(here)
        prepare(here)
        assert settings(here) != before
        prepare(here, "again")
        undone = prepare(here, "undo", undo=True)
        assert set(undone.outcomes.values()) == {"UNDONE"}
        assert settings(here) == before
        writes(here)
        assert prepare(here, "undo-again", undo=True).outcomes == {}
        assert writes(here) == 0


def test_what_an_operator_has_changed_since_is_reported_prepared_again_and_survives_an_undo() -> None:
    with stage() as here:
        prepare(here)
        source = here.source("app-1")
        here.drs().update_launch_configuration(
            sourceServerID=source, launchDisposition="STARTED", targetInstanceTypeRightSizingMethod="IN_AWS"
        )
        again = prepare(here, "again")
        assert again.server("app-1")["outcome"] == "PREPARED"
        assert set(again.server("app-1")["changedSince"]) == {"launchDisposition", "rightSizing"}
        assert again.server("app-2")["changedSince"] == []
        assert here.launch_settings("app-1")["launchDisposition"] == "STOPPED"
        prepare(here, "undo", undo=True)
        assert here.launch_settings("app-1")["targetInstanceTypeRightSizingMethod"] == "IN_AWS"
        assert "launchIntoInstanceProperties" not in here.launch_settings("app-1")


def test_an_undo_leaves_alone_what_an_operator_has_set_since() -> None:
    with stage() as here:
        prepare(here)
        here.drs().update_launch_configuration(
            sourceServerID=here.source("app-1"), targetInstanceTypeRightSizingMethod="IN_AWS"
        )
        undone = prepare(here, "undo", undo=True)
        assert undone.server("app-1")["changedSince"] == ["rightSizing"]
        assert here.launch_settings("app-1")["targetInstanceTypeRightSizingMethod"] == "IN_AWS"


def test_a_blocked_server_is_left_as_it_is_and_an_operator_is_reported() -> None:
    with stage(group("ok"), group("odd", **issue("noTarget"))) as here:
        before = here.launch_settings("odd")
        prepared = prepare(here)
        assert prepared.result.status == "SUCCEEDED"
        assert prepared.outcomes == {"ok": "PREPARED", "odd": "BLOCKED"}
        odd = prepared.server("odd")
        assert odd["code"] == "TARGET_MISSING"
        assert odd["reason"]
        assert odd["remedy"]
        assert here.launch_settings("odd") == before
        assert here.subjects() == ["shop: preparation: 1 blocked"]


def test_a_drill_gives_back_the_prepared_state() -> None:
    with stage() as here:
        prepare(here)
        as_prepared = settings(here)
        assert here.run("drill", mode="DRILL", recoveryMode="FAST").status == "COMPLETED"
        assert settings(here) == as_prepared
        assert set(prepare(here, "again").outcomes.values()) == {"ALREADY_RIGHT"}


def test_a_preparation_yields_to_an_execution_of_the_plan() -> None:
    with stage() as here:
        run = here.start()
        reach(here, "recovery-wave", "ConfigureLaunch")
        prepared = prepare(here)
        assert prepared.report["yieldedTo"] == "run"
        assert prepared.outcomes == {}
        assert here.wait(run).status == "COMPLETED"


def test_servers_that_another_plan_recovers_are_left_alone() -> None:
    with stage(group("db", "data"), group("web", "web"), waves=WAVES) as here:
        other = {**here.plan, "name": "other", "waves": [here.plan["waves"][0]]}
        run = here.cloud.start("failover", {"plan": other}, name="run")
        reach(here, "recovery-wave", "WatchJobs")
        prepared = prepare(here)
        assert prepared.outcomes == {"db": "YIELDED", "web": "PREPARED"}
        assert prepared.server("db")["remedy"].startswith("Nothing: a recovery sets them itself.")
        here.wait(run)


def test_a_failover_that_starts_while_a_preparation_runs_goes_on_and_the_rest_yields() -> None:
    with stage(group("app", count=25)) as here:
        runs: list[str] = []

        def fail_over(event: dict[str, Any]) -> None:
            runs.append(here.start())

        # It has taken the plan by the time at which the launch settings would be written.
        here.cloud.on_function("MatchInstancesFunction", lambda event: None if runs else fail_over(event))
        here.cloud.functions.takes("CheckPrerequisitesFunction", 5)
        prepared = prepare(here)
        assert set(prepared.outcomes.values()) == {"YIELDED"}
        assert "run" in prepared.server("app-1")["reason"]
        run = here.wait(runs[0])
        assert run.status == "COMPLETED"
        assert set(run.outcomes.values()) == {"RECOVERED"}


def test_a_failover_in_the_midst_of_the_writing_takes_precedence() -> None:
    """A call a second: the failover has checked and taken its servers before the last ones are written."""
    with stage(group("app", count=25), parameters={"DrsWritesPerSecond": "1"}) as here:
        prep = begin(here, "prep")
        reach(here, "prepare", "PrepareLaunch")
        here.cloud.advance(5)
        run = here.wait(here.start())
        assert run.status == "COMPLETED"
        assert set(run.outcomes.values()) == {"RECOVERED"}
        outcomes = Counter(ended(here, prep).outcomes.values())
        assert outcomes == {"PREPARED": 20, "YIELDED": 5}
        for name in here.servers:
            into = here.launch_settings(name)["launchIntoInstanceProperties"]
            assert into == {"launchIntoEC2InstanceID": here.target(name)}


def test_a_server_in_a_foreign_job_is_left_alone() -> None:
    with stage() as here:
        here.drs_fault("SERVER_BUSY", server=here.source("app-1"))
        assert prepare(here).outcomes == {"app-1": "YIELDED", "app-2": "PREPARED"}


def test_a_second_preparation_of_the_plan_is_refused_while_the_first_runs() -> None:
    with stage() as here:
        first = begin(here, "first")
        reach(here, "prepare", "DiscoverServers")
        second = here.cloud.wait(begin(here, "second"))
        assert second.status == "FAILED"
        assert "first" in (second.cause or "")
        assert set(ended(here, first).outcomes.values()) == {"PREPARED"}


def late(here: Stage, function: str, name: str, **fields: Any) -> None:
    """A function of a preparation that has ended gets its input again."""
    [arn] = [arn for arn in here.cloud.states.records if arn.endswith(f":prepare:{name}")]
    now = here.cloud.clock.now().isoformat()
    here.call(function, {"executionId": name, "executionArn": arn, "startedAt": now, "now": now, **fields})


def test_functions_that_are_called_late_lock_nothing_and_write_nothing() -> None:
    with stage() as here:
        before = settings(here)
        prepare(here, "first")
        as_prepared = settings(here)
        late(here, "OpenPreparationFunction", "first", request={"plan": here.plan})
        assert here.locks() == {}
        prepare(here, "undo", undo=True)
        late(here, "PrepareLaunchFunction", "first")
        assert settings(here) == before
        prepare(here, "again")
        late(here, "UndoPreparationFunction", "undo")
        assert settings(here) == as_prepared


def test_a_preparation_under_throttling_comes_to_the_same_end() -> None:
    with stage(group("app", count=4)) as here:
        here.drs_fault("THROTTLED", operation="UpdateLaunchConfiguration", times=3)
        assert set(prepare(here).outcomes.values()) == {"PREPARED"}
        writes(here)
        here.run()
        assert writes(here) == 0


@pytest.mark.parametrize("asks", [True, False])
def test_storing_a_plan_prepares_it_if_the_plan_asks_for_it(asks: bool) -> None:
    with stage(policies={"prepareWhenStored": asks}) as here:
        here.store_plan()
        here.cloud.advance(600)
        started = [arn for arn, record in here.cloud.states.records.items() if record.machine == "prepare"]
        assert len(started) == asks
        for arn in started:
            assert set(ended(here, arn).outcomes.values()) == {"PREPARED"}


def test_a_plan_that_changes_while_an_execution_runs_does_not_disturb_it() -> None:
    with stage(*GROUPS, waves=WAVES) as here:
        here.store_plan()
        run = here.cloud.start("failover", {"plan": "shop"}, name="run")
        reach(here, "recovery-wave", "WatchJobs")
        document = {**here.plan, "waves": [{**here.plan["waves"][0], "servers": {"names": ["none-*"]}}]}
        here.call("StorePlanFunction", {"plan": document, "now": here.cloud.clock.now().isoformat()})
        ended_run = here.wait(run)
        assert ended_run.status == "COMPLETED"
        assert ended_run.outcomes == {"db": "RECOVERED", "web": "RECOVERED"}
        assert [item["name"] for item in ended_run.report["waves"]] == ["data", "web"]


# --- killed, and failing

ON_THE_WAY = {
    "make ready": [
        ("prepare", state)
        for state in states("prepare")
        if state not in ("UndoPreparation", "NotClosed", "NotPrepared")
    ],
    "undo": [
        ("prepare", state)
        for state in (
            "OpenPreparation",
            "DecideWay",
            "UndoPreparation",
            "ClosePreparation",
            "DecideEnd",
            "Ended",
        )
    ],
}


def test_the_states_on_the_way_are_all_that_a_preparation_goes_through() -> None:
    with stage() as here:
        visited = prepare(here).result.visited["prepare"]
        assert {("prepare", state) for state in visited} == set(ON_THE_WAY["make ready"])
        visited = prepare(here, "undo", undo=True).result.visited["prepare"]
        assert {("prepare", state) for state in visited} == set(ON_THE_WAY["undo"])


@pytest.mark.parametrize(("machine", "state"), ON_THE_WAY["make ready"])
def test_killed_and_started_again(machine: str, state: str) -> None:
    with stage(*GROUPS, waves=[wave("data"), wave("web", "data")]) as here:
        before = settings(here)
        first = begin(here, "first")
        reach(here, machine, state)
        here.cloud.stop(first, "Operator", "killed")
        if here.cloud.result(first).status == "ABORTED":
            send_end(here, first)
        second = prepare(here, "second")
        assert set(second.outcomes.values()) <= {"PREPARED", "ALREADY_RIGHT"}
        assert all(server["changedSince"] == [] for server in second.report["servers"])
        assert here.locks() == {}
        writes(here)
        prepare(here, "undo", undo=True)
        assert settings(here) == before


@pytest.mark.parametrize(("machine", "state"), ON_THE_WAY["undo"])
def test_an_undo_killed_and_started_again(machine: str, state: str) -> None:
    with stage() as here:
        before = settings(here)
        prepare(here)
        first = begin(here, "first", undo=True)
        reach(here, machine, state, name="first")
        here.cloud.stop(first, "Operator", "killed")
        prepare(here, "second", undo=True)
        assert settings(here) == before


CATCHES = {
    "OpenPreparation": "OpenPreparation",
    "DiscoverServers": "DiscoverSites",
    "MatchInstances": "MatchInstances",
    "CheckPrerequisites": "CheckSites",
    "PrepareLaunch": "PrepareLaunch",
    "UndoPreparation": "UndoPreparation",
}
"""The state that catches the failure of each function: of one that runs for each site, the Map around it."""


@pytest.mark.parametrize("function", CATCHES)
def test_whatever_fails_is_reported_and_nothing_is_left_locked(function: str) -> None:
    with stage() as here:
        before = settings(here)
        here.cloud.fail_function(f"{function}Function", error="MadeToFailError")
        arn = begin(here, "prep", undo=function == "UndoPreparation")
        result = here.cloud.wait(arn)
        assert ("prepare", CATCHES[function], "MadeToFailError") in result.caught
        assert result.status == "FAILED"
        assert result.error == "PreparationFailed"
        assert "made to fail" in (result.cause or "")
        assert here.locks() == {}
        assert settings(here) == before
        assert any("preparation: failed" in subject for subject in here.subjects())
        plan = "unknown" if function == "OpenPreparation" else "shop"
        assert ended(here, arn, plan).report["status"] == "FAILED"


def test_a_report_that_cannot_be_written_fails_the_preparation() -> None:
    with stage() as here:
        here.cloud.fail_function("ClosePreparationFunction", error="MadeToFailError")
        result = here.cloud.wait(begin(here, "prep"))
        assert (result.status, result.error) == ("FAILED", "PreparationNotClosed")
        writes(here)
        assert here.run().status == "COMPLETED"
        assert writes(here) == 0
