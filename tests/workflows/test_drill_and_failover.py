"""Drills and the real thing: which of them yields, and what each reports."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflows.killing import (
    clean_up_of,
    put_back,
    reach,
    send_end,
    send_end_later,
    two_waves,
)
from tests.workflows.stage import Stage

STATES = [
    ("failover", "DiscoverServers"),
    ("failover", "ReserveServers"),
    ("recovery-wave", "ConfigureLaunch"),
    ("recovery-wave", "StartRecovery"),
    ("recovery-wave", "AwaitJobs"),
    ("recovery-wave", "VerifyInstances"),
    ("drill-cleanup", "CleanUpDrill"),
    ("drill-cleanup", "RestoreLaunchSettings"),
]


def events_arrive(here: Stage) -> None:
    """EventBridge reports the end of every drill some seconds after it was stopped."""
    reported: set[str] = set()

    def watch(event: dict[str, Any]) -> None:
        del event
        for arn, record in here.cloud.states.records.items():
            if record.execution.status == "ABORTED" and record.machine == "failover" and arn not in reported:
                reported.add(arn)
                send_end_later(here, arn, seconds=5)

    here.cloud.on_function("CancelDrillsFunction", watch)


def rival(here: Stage) -> dict[str, Any]:
    """A plan of another name that wants the same servers."""
    return {**here.plan, "name": "rival"}


def assert_failed_over(here: Stage, origin: dict[str, Any], arn: str) -> None:
    run = here.wait(arn)
    assert run.status == "COMPLETED"
    assert run.outcomes == {"db": "RECOVERED", "web": "RECOVERED"}
    for name in here.servers:
        assert here.instances()[here.target(name)]["state"] == "running"
        assert here.jobs_of(name)[-1]["initiatedBy"] == "START_RECOVERY"
        assert here.pairs()[here.source(name)]["workloadSide"] == "RECOVERY"
    assert {r["isDrill"] for r in here.drs().describe_recovery_instances()["items"]} == {False}
    assert here.execution_item("drill")["status"] in ("CANCELLED", "COMPLETED")
    assert here.locks() == {}
    assert put_back(here.world())["origin"] == origin


@pytest.mark.parametrize(("machine", "state"), STATES)
def test_a_failover_cancels_a_drill_of_its_plan_wherever_it_is(machine: str, state: str) -> None:
    with two_waves() as here:
        origin = here.world()["origin"]
        events_arrive(here)
        here.start("drill", mode="DRILL")
        reach(here, machine, state)
        assert_failed_over(here, origin, here.start("real", cancelDrill=True))
        stops = here.cloud.calls["stepfunctions", "StopExecution"]
        assert stops <= 1


def test_a_failover_of_another_plan_cancels_the_drill_with_the_lock_of_its_servers() -> None:
    with two_waves() as here:
        origin = here.world()["origin"]
        events_arrive(here)
        drill = here.start("drill", mode="DRILL")
        reach(here, "recovery-wave", "VerifyInstances")
        real = here.cloud.start("failover", {"plan": rival(here), "cancelDrill": True}, name="real")
        assert_failed_over(here, origin, real)
        assert "real takes precedence" in str(here.cloud.result(drill).cause)
        assert "real takes precedence" in here.read(here.cloud.result(drill)).report["reason"]


def test_a_drill_whose_end_was_never_notified_is_not_waited_for_for_ever() -> None:
    """The event is lost: its launches stay, and the failover says what is in its way."""
    with two_waves() as here:
        here.cloud.event_delivery.withheld.add("aws.states")
        here.start("drill", mode="DRILL")
        reach(here, "recovery-wave", "ConfigureLaunch")
        run = here.run("real", cancelDrill=True)
        assert run.status == "COMPLETED"
        assert run.report["durationSeconds"] > 600


def test_without_asking_for_it_a_failover_is_refused_with_the_drill() -> None:
    with two_waves() as here:
        drill = here.start("drill", mode="DRILL")
        reach(here, "recovery-wave", "AwaitJobs")
        same = here.run("same")
        assert same.status == "FAILED"
        assert "drill" in same.report["reason"]
        other = here.wait(here.cloud.start("failover", {"plan": rival(here)}, name="other"))
        assert other.status == "BLOCKED"
        assert "SERVER_LOCKED" in other.codes("db")
        assert "The drill drill has locked" in other.server("db")["reason"]
        assert "cancelDrill: true" in other.server("db")["remedy"]
        assert here.wait(drill).status == "COMPLETED"


def test_two_that_reach_for_a_server_at_once_get_the_same_answer() -> None:
    with two_waves() as here:
        drill = here.start("drill", mode="DRILL")
        real = here.cloud.start("failover", {"plan": rival(here)}, name="real")
        loser = here.wait(real)
        assert loser.status == "BLOCKED"
        assert "cancelDrill: true" in loser.server("db")["remedy"]
        assert here.wait(drill).status == "COMPLETED"


def test_a_drill_yields_to_a_failover() -> None:
    with two_waves() as here:
        real = here.start("real")
        reach(here, "recovery-wave", "AwaitJobs")
        same = here.run("same", mode="DRILL")
        assert same.status == "FAILED"
        assert "ExecutionInProgress" in same.report["reason"]
        request = {"plan": rival(here), "mode": "DRILL"}
        other = here.wait(here.cloud.start("failover", request, name="other"))
        assert other.status == "BLOCKED"
        assert "The failover real has locked" in other.server("db")["reason"]
        assert here.wait(real).status == "COMPLETED"
        assert here.instances()[here.target("db")]["state"] == "running"


def test_a_cancelled_drill_puts_all_back_and_is_reported_once() -> None:
    with two_waves() as here:
        before = here.world()
        drill = here.start("drill", mode="DRILL")
        reach(here, "recovery-wave", "VerifyInstances")
        here.cloud.stop(drill, "Operator", "enough")
        assert send_end(here, drill)["started"] is True
        send_end(here, drill)
        here.cloud.wait(clean_up_of(here, "drill"))
        run = here.read(here.cloud.result(drill))
        here.check_rules(run)
        assert run.status == "CANCELLED"
        assert "enough" in run.report["reason"]
        assert put_back(here.world()) == put_back(before)
        assert here.subjects()[-1] == "shop: drill cancelled"
        assert send_end(here, drill)["status"] == "CLOSED"


def test_a_drill_that_ran_out_of_time_is_cleaned_up_too() -> None:
    with two_waves() as here:
        before = here.world()
        drill = here.start("drill", mode="DRILL")
        reach(here, "recovery-wave", "AwaitJobs")
        here.cloud.stop(drill)
        here.close_aborted(drill, status="TIMED_OUT")
        here.cloud.wait(clean_up_of(here, "drill"))
        report = here.read(here.cloud.result(drill)).report
        assert report["status"] == "FAILED"
        assert "ExecutionTimedOut" in report["reason"]
        assert put_back(here.world()) == put_back(before)
