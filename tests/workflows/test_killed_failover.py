"""A failover that is killed in any of its tasks and started again comes to the same end, with one launch."""

from __future__ import annotations

import pytest

from tests.workflows.killing import (
    Place,
    dealt,
    killed_in_turn,
    launches_of,
    reach,
    send_end,
    send_end_later,
    spelled,
    states,
    two_waves,
    working,
)
from tests.workflows.stage import Run, Stage

NOT_ON_THE_WAY = {
    # What goes wrong, and what is for other modes
    "failover": {
        "ReadApproval",
        "DecideApproved",
        "ApproveStart",
        "CancelDrills",
        "DecideCancelled",
        "WaitForDrills",
        "TakePlan",
        "RetireLeftOvers",
        "CloseWave",
        "CleanUp",
        "Blocked",
        "Cancelled",
        "FailExecution",
    },
    "recovery-wave": {
        "StopWorkloads",
        "DecideWorkloadsStopped",
        "WaitForWorkloads",
        "RestartWorkloads",
        "DecideReturned",
        "WaitForReturn",
        "WaitForStop",
        "AwaitJobSlot",
        "AwaitCapacity",
        "BatchNotStarted",
        "RetryFailed",
    },
}
ON_THE_WAY = [
    (machine, state)
    for machine, others in NOT_ON_THE_WAY.items()
    for state in states(machine)
    if state not in others
]
IN_WAVES = [(machine, state) for machine, state in ON_THE_WAY if machine == "recovery-wave"]


def assert_same_end(here: Stage, run: Run) -> None:
    assert run.status == "COMPLETED"
    assert run.outcomes == {"db": "RECOVERED", "web": "RECOVERED"}
    for name in here.servers:
        assert launches_of(here, name) == 1
        assert len(here.jobs_of(name)) == 1
        assert here.instances()[here.target(name)]["state"] == "running"
        assert run.server(name)["privateIpAfter"] == run.server(name)["privateIpBefore"]
        # Put back, if the first one ended by itself after its wave was killed.
        into = here.launch_settings(name).get("launchIntoInstanceProperties", {})
        assert into.get("launchIntoEC2InstanceID") in (None, here.target(name))
        assert here.pairs()[here.source(name)]["workloadSide"] == "RECOVERY"
    assert here.locks() == {}


def test_the_states_on_the_way_are_all_that_a_failover_goes_through() -> None:
    with two_waves() as here:
        visited = here.run().result.visited
        assert {(machine, state) for machine in NOT_ON_THE_WAY for state in visited[machine]} == set(
            ON_THE_WAY
        )


@pytest.mark.parametrize("places", dealt(ON_THE_WAY), ids=spelled)
def test_killed_and_closed_and_started_again(places: list[Place]) -> None:
    with two_waves() as here:
        for killed in killed_in_turn(here, places):
            if here.cloud.result(killed).status == "ABORTED":
                send_end(here, killed)
        assert_same_end(here, here.run("last"))


@pytest.mark.parametrize("places", dealt(ON_THE_WAY), ids=spelled)
def test_killed_and_started_again_before_it_is_closed(places: list[Place]) -> None:
    """The function that closes it comes late, in the midst of the next one."""
    with two_waves() as here:
        for killed in killed_in_turn(here, places):
            if here.cloud.result(killed).status == "ABORTED":
                send_end_later(here, killed)
        assert_same_end(here, here.run("last"))


@pytest.mark.parametrize(("machine", "state"), working(IN_WAVES))
def test_a_killed_wave_and_started_again(machine: str, state: str) -> None:
    """The failover itself goes on without that wave, and ends."""
    with two_waves() as here:
        first = here.start("first")
        here.cloud.stop(reach(here, machine, state), "Operator", "killed")
        here.wait(first)
        assert_same_end(here, here.run("second"))


def test_killed_twice_at_its_worst_moment() -> None:
    with two_waves() as here:
        for name in ("first", "second"):
            arn = here.start(name)
            reach(here, "recovery-wave", "StartRecovery")
            here.cloud.advance(3)
            here.cloud.stop(arn, "Operator", "killed")
        assert_same_end(here, here.run("third"))
