"""A failback that is killed in any of its tasks and started again comes to the same end, with one launch.

The plan has all that can be on the way: two waves, an approval of the cutover and commands that quiesce.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from tests.workflows.control_messages import decide
from tests.workflows.failback_stage import QUICK, away, back, fail_back, launches_at_origin, reversals, sides
from tests.workflows.killing import (
    CHILDREN,
    GROUPS,
    WAVES,
    Place,
    dealt,
    killed_in_turn,
    reach,
    send_end,
    send_end_later,
    spelled,
    states,
    working,
)
from tests.workflows.stage import Run, Stage

NOT_ON_THE_WAY = {
    # What goes wrong, and what is for other modes
    "failback": {
        "ReadApproval",
        "DecideApproved",
        "ApproveStart",
        "CloseWave",
        "Blocked",
        "Cancelled",
        "FailExecution",
    },
    "replicate-back": {"ReportStall", "NotReplicated"},
    "quiesce": {"AwaitDrained", "NotQuiesced"},
    "reprotect": {"AwaitRetired", "NotReprotected"},
    "recovery-wave": {"WaitForReturn", "AwaitJobSlot", "AwaitCapacity", "BatchNotStarted", "RetryFailed"},
}
ON_THE_WAY = [
    (machine, state)
    for machine, others in NOT_ON_THE_WAY.items()
    for state in states(machine)
    if state not in others
]
IN_WAVES = [
    (machine, state)
    for machine, state in ON_THE_WAY
    if machine == "recovery-wave" and not state.startswith(("Decide", "Prepare"))
]
IN_CHILDREN = [place for place in ON_THE_WAY if place[0] in CHILDREN and not place[1].startswith("Decide")]
LATE_CLOSED = [
    *(
        ("failback", name)
        for name in (
            "ReserveServers",
            "RunWave",
        )
    ),
    *(("replicate-back", name) for name in ("ReverseReplication", "WatchReplication")),
    *(("reprotect", name) for name in ("Reprotect", "RetireRecovery")),
    *(("recovery-wave", name) for name in ("StopWorkloads", "StartRecovery", "VerifyInstances")),
]
"""Where it makes a difference who holds the locks and whose records are the last."""
SLOW_AGENTS = replace(QUICK, agent_check_in_seconds=(1200.0, 1500.0))
POLICIES = {
    "failback": {
        "approval": "REQUIRED",
        "quiesce": [
            {"document": "AWS-RunShellScript", "parameters": {"commands": ["sync"]}, "timeoutSeconds": 120}
        ],
    }
}


@contextmanager
def failed_over() -> Iterator[tuple[Stage, dict[str, Any]]]:
    """Two servers on the recovery side; every cutover is approved ten seconds after it was asked for."""
    with away(*GROUPS, waves=WAVES, policies=POLICIES, jobs=SLOW_AGENTS) as (here, before):
        here.cloud.on_function(
            "RequestApprovalFunction",
            lambda event: here.cloud.clock.call_later(10, lambda: decide(here, event)),
        )
        yield here, before


def assert_same_end(here: Stage, before: dict[str, Any], run: Run, *, relaunched: int = 0) -> None:
    back(here, before, run)
    for name in here.servers:
        assert reversals(here, name) == 1
    assert sorted(launches_at_origin(here).values()) == sorted([1, 1 + relaunched])
    assert here.cloud.calls["ssm", "SendCommand"] <= 4, "once for each server, and once more by the second"
    for volume in run.report["detachedVolumes"]:
        assert volume["instanceId"] in before["origin"] or volume["instanceId"] in before["recovery"]


def test_the_states_on_the_way_are_all_that_a_failback_goes_through() -> None:
    with failed_over() as (here, _):
        visited = fail_back(here).result.visited
        assert {(machine, state) for machine in NOT_ON_THE_WAY for state in visited[machine]} == set(
            ON_THE_WAY
        )


@pytest.mark.parametrize("places", dealt(ON_THE_WAY), ids=spelled)
def test_killed_and_closed_and_started_again(places: list[Place]) -> None:
    with failed_over() as (here, before):
        for killed in killed_in_turn(here, places, mode="FAILBACK"):
            if here.cloud.result(killed).status == "ABORTED":
                send_end(here, killed)
                _at_most_one_side_has_begun(here)
        assert_same_end(here, before, fail_back(here, "last"))


@pytest.mark.parametrize("places", dealt(LATE_CLOSED), ids=spelled)
def test_killed_and_started_again_before_it_is_closed(places: list[Place]) -> None:
    """The function that closes it comes late, in the midst of the next one."""
    with failed_over() as (here, before):
        for killed in killed_in_turn(here, places, mode="FAILBACK"):
            if here.cloud.result(killed).status == "ABORTED":
                send_end_later(here, killed)
        run = fail_back(here, "last")
        here.cloud.advance(30)
        assert_same_end(here, before, run)


@pytest.mark.parametrize(("machine", "state"), working(IN_WAVES))
def test_a_killed_wave_and_started_again(machine: str, state: str) -> None:
    """The failback itself goes on without that wave, and ends."""
    with failed_over() as (here, before):
        first = here.start("first", mode="FAILBACK")
        here.cloud.stop(reach(here, machine, state, "first"), "Operator", "killed")
        reported = here.wait(first)
        # A dependent server is skipped then, and its workload goes on there: its launch is outdated.
        outdated = {name for name in here.servers if reported.server(name)["workloadRestartedAt"]}
        assert outdated <= {"web"}
        assert_same_end(here, before, fail_back(here, "second"), relaunched=len(outdated))


@pytest.mark.parametrize(("machine", "state"), working(IN_CHILDREN))
def test_a_killed_child_and_started_again(machine: str, state: str) -> None:
    """The failback itself fails then, and releases its locks."""
    with failed_over() as (here, before):
        first = here.start("first", mode="FAILBACK")
        here.cloud.stop(reach(here, machine, state, "first"), "Operator", "killed")
        ended = here.wait(first)
        if ended.status == "FAILED":  # else the child had done its work
            assert "killed" in ended.report["reason"]
            assert f":{machine}:first ended as ABORTED" in ended.report["reason"]
        assert_same_end(here, before, fail_back(here, "second"))


def test_killed_twice_at_its_worst_moments() -> None:
    with failed_over() as (here, before):
        for name, (machine, state) in {
            "first": ("replicate-back", "ReverseReplication"),
            "second": ("recovery-wave", "StartRecovery"),
            "third": ("recovery-wave", "StartInstances"),
            "fourth": ("reprotect", "RetireRecovery"),
        }.items():
            arn = here.start(name, mode="FAILBACK")
            reach(here, machine, state, name)
            here.cloud.advance(1)
            here.cloud.stop(arn, "Operator", "killed")
            send_end(here, arn)
        assert_same_end(here, before, fail_back(here, "fifth"))


def test_one_that_is_closed_after_the_next_failover_leaves_the_pairs_alone() -> None:
    with failed_over() as (here, _):
        first = here.start("first", mode="FAILBACK")
        reach(here, "reprotect", "RetireRecovery", "first")
        here.cloud.stop(first, "Operator", "killed")
        fail_back(here, "second")
        assert set(here.run("out-2").outcomes.values()) == {"RECOVERED"}
        pairs = here.pairs()
        send_end(here, first)
        assert here.pairs() == pairs
        assert {pair["workloadSide"] for pair in pairs.values()} == {"RECOVERY"}


def _at_most_one_side_has_begun(here: Stage) -> None:
    """After a kill, either the original was not launched into yet, or its workload rests."""
    launched = here.drs_state({"account": "111122223333"})["recoveryInstances"]
    for name in here.servers:
        into = {instance["recoveryInstanceID"] for instance in launched}
        at_origin, there = sides(here, name)
        if here.servers[name].original_instance_id in into and at_origin == "running":
            assert there == "stopped"
