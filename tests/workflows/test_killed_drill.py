"""A drill that is killed in any of its tasks is cleaned up, or taken over by the next one; never both."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflows.killing import (
    clean_up_of,
    launches_of,
    put_back,
    reach,
    send_end,
    send_end_later,
    states,
    two_waves,
    working,
)
from tests.workflows.stage import Run, Stage
from tests.workflows.test_killed_failover import NOT_ON_THE_WAY, ON_THE_WAY

CLEAN_UP = [("failover", "CleanUp"), *(("drill-cleanup", state) for state in states("drill-cleanup"))]
NOT_OF_THE_DRILL_ITSELF = {("drill-cleanup", "CloseExecution"), ("drill-cleanup", "NotClosed")}
LAUNCHED_ONCE = [
    (machine, state)
    for machine, state in ON_THE_WAY
    if (machine, state)
    not in {("failover", name) for name in ("DecideCleanUp", "CloseExecution", "DecideOutcome", "Completed")}
]
CLEANED = [case for case in CLEAN_UP if case not in NOT_OF_THE_DRILL_ITSELF]


def assert_all_put_back(here: Stage, before: dict[str, Any], *drills: str) -> None:
    assert put_back(here.world()) == put_back(before)
    assert here.locks() == {}
    assert here.terminated() == set()
    assert here.overlapping_jobs() == []
    assert {pair["workloadSide"] for pair in here.pairs().values()} <= {"ORIGIN"}
    for drill in drills:
        assert here.execution_item(drill)["status"] != "RUNNING", drill


def drilled(here: Stage, name: str) -> Run:
    run = here.run(name, mode="DRILL")
    assert run.status == "COMPLETED"
    assert run.outcomes == {"db": "RETURNED", "web": "RETURNED"}
    return run


def test_the_states_on_the_way_are_all_that_a_drill_goes_through() -> None:
    with two_waves() as here:
        visited = drilled(here, "drill").result.visited
        machines = (*NOT_ON_THE_WAY, "drill-cleanup")
        assert {(machine, state) for machine in machines for state in visited[machine]} == {
            *ON_THE_WAY,
            *CLEANED,
        }


@pytest.mark.parametrize(("machine", "state"), working([*ON_THE_WAY, *CLEANED]))
def test_killed_and_cleaned_up(machine: str, state: str) -> None:
    with two_waves() as here:
        before = here.world()
        first = here.start("first", mode="DRILL")
        reach(here, machine, state)
        here.cloud.stop(first, "Operator", "killed")
        if here.cloud.result(first).status == "ABORTED":
            answer = send_end(here, first)
            if answer["status"] == "CLEANING_UP":
                assert here.cloud.wait(clean_up_of(here, "first")).status == "SUCCEEDED"
                assert "killed" in here.read(here.cloud.result(first)).report["reason"]
        assert_all_put_back(here, before, "first")


@pytest.mark.parametrize(("machine", "state"), working([*ON_THE_WAY, *CLEANED]))
def test_killed_and_started_again_before_it_is_closed(machine: str, state: str) -> None:
    """The second one takes over what the first has launched; the clean-up of the first leaves it alone."""
    with two_waves() as here:
        before = here.world()
        first = here.start("first", mode="DRILL")
        reach(here, machine, state)
        here.cloud.stop(first, "Operator", "killed")
        second = here.start("second", mode="DRILL")
        if aborted := here.cloud.result(first).status == "ABORTED":
            send_end_later(here, first)
        run = here.wait(second)
        assert run.outcomes == {"db": "RETURNED", "web": "RETURNED"}
        if aborted:
            here.cloud.advance(60)
            here.cloud.wait_until(lambda: here.execution_item("first")["status"] != "RUNNING")
        if (machine, state) in LAUNCHED_ONCE:
            assert [launches_of(here, name) for name in here.servers] == [1, 1]
        assert_all_put_back(here, before, "first", "second")


@pytest.mark.parametrize("state", [state for _, state in working(CLEANED[1:])])
def test_a_killed_clean_up_is_followed_by_another(state: str) -> None:
    with two_waves() as here:
        before = here.world()
        first = here.start("first", mode="DRILL")
        reach(here, "recovery-wave", "VerifyInstances")
        here.cloud.stop(first, "Operator", "killed")
        send_end(here, first)
        reach(here, "drill-cleanup", state)
        clean_up = clean_up_of(here, "first")
        here.cloud.stop(clean_up, "Operator", "killed as well")
        if here.cloud.result(clean_up).status == "ABORTED":
            assert send_end(here, clean_up)["status"] == "CLEANING_UP"
            send_end(here, clean_up)
            names = [record.execution.name for record in here.cloud.states.records.values()]
            assert names.count("first-cleanup-after-stop-2") == 1
        again = here.start("second", mode="DRILL")
        here.cloud.wait_until(lambda: here.execution_item("first")["status"] != "RUNNING")
        here.cloud.wait(again)
        here.cloud.advance(600)
        assert_all_put_back(here, before, "first")
        assert "killed" in here.read(here.cloud.result(first)).report["reason"]


def test_a_clean_up_that_is_killed_within_its_drill_is_done_again() -> None:
    with two_waves() as here:
        before = here.world()
        first = here.start("first", mode="DRILL")
        clean_up = reach(here, "drill-cleanup", "AwaitCleaned")
        here.cloud.stop(clean_up, "Operator", "killed")
        send_end(here, clean_up)
        assert here.wait(first).status == "FAILED"
        assert here.cloud.wait(clean_up_of(here, "first")).status == "SUCCEEDED"
        assert_all_put_back(here, before, "first")


def test_after_three_killed_clean_ups_the_drill_is_closed_with_what_is_left_to_do() -> None:
    with two_waves() as here:
        first = here.start("first", mode="DRILL")
        reach(here, "recovery-wave", "VerifyInstances")
        here.cloud.stop(first, "Operator", "killed")
        send_end(here, first)
        for number in range(3):
            name = "first-cleanup-after-stop" + (f"-{number + 1}" if number else "")
            arn = f"{first.rsplit(':', 2)[0]}:drill-cleanup:{name}"
            here.cloud.advance(0.5)
            here.cloud.stop(arn, "Operator", "killed as well")
            send_end(here, arn)
        report = here.read(here.cloud.result(first)).report
        assert report["status"] == "CANCELLED"
        assert "ended too early" in report["reason"]
        assert here.locks() == {}
