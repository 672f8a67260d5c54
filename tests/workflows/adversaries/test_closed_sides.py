"""What is closed from outside is where EC2 and DRS show it, whatever its execution came to record."""

from __future__ import annotations

import pytest

from tests.workflows.failback_stage import away, back, fail_back, sides
from tests.workflows.killing import reach, send_end
from tests.workflows.stage import Stage, group, stage

STARTED = ("StartInstances", "VerifyInstances")
NOT_STARTED = ("StartRecovery", "VerifyLaunches")


def _killed(here: Stage, state: str, **request: str) -> None:
    """Its instances are started, or not, as ``state`` has it; it did not record what became of them."""
    arn = here.start("killed", **request)
    reach(here, "recovery-wave", state, "killed")
    here.cloud.stop(arn, "Operator", "killed")
    here.cloud.advance(5)
    send_end(here, arn)


def _side(here: Stage) -> str:
    return str(here.pairs()[here.source("app")]["workloadSide"])


@pytest.mark.parametrize("state", STARTED)
def test_a_failback_that_was_killed_after_it_started_the_originals_has_moved_them(state: str) -> None:
    with away(group("app"), originals="STOPPED") as (here, before):
        _killed(here, state, mode="FAILBACK")
        assert sides(here, "app") == ("running", "stopped")
        assert _side(here) == "ORIGIN"
        blocked = here.run("next-failover")
        assert blocked.outcomes == {"app": "BLOCKED"}, "the agent is dead until it is protected again"
        assert {"NOT_REPROTECTED"} <= blocked.codes("app")
        assert "WORKLOAD_ON_RECOVERY" not in blocked.codes("app")
        again = fail_back(here)
        assert again.server("app")["verifiedAt"], "it was started, and never verified"
        back(here, before, again)
        assert here.run("out-again").outcomes == {"app": "RECOVERED"}


@pytest.mark.parametrize("state", NOT_STARTED)
def test_a_failback_that_was_killed_before_has_not(state: str) -> None:
    with away(group("app"), originals="STOPPED") as (here, before):
        _killed(here, state, mode="FAILBACK")
        assert sides(here, "app") == ("stopped", "stopped")
        assert _side(here) == "RECOVERY"
        back(here, before, fail_back(here))


def test_an_original_that_others_run_is_no_failback() -> None:
    """Only what our job launched has the data of the recovery side."""
    with away(group("app"), originals="RUNNING") as (here, _):
        _killed(here, "StartRecovery", mode="FAILBACK")
        assert _side(here) == "RECOVERY"


@pytest.mark.parametrize("state", STARTED)
def test_a_failover_that_was_killed_after_it_started_the_targets_has_moved_them(state: str) -> None:
    with stage(group("app"), originals="STOPPED") as here:
        here.strike()
        _killed(here, state)
        assert sides(here, "app") == ("stopped", "running")
        assert _side(here) == "RECOVERY"
        assert here.run("drill", mode="DRILL").codes("app") >= {"TARGET_IN_USE"}
        assert sides(here, "app") == ("stopped", "running")
        assert here.run("last").outcomes == {"app": "RECOVERED"}
        assert fail_back(here).outcomes == {"app": "RECOVERED"}
        assert _side(here) == "ORIGIN"


@pytest.mark.parametrize("state", NOT_STARTED)
def test_a_failover_that_was_killed_before_moved_nothing(state: str) -> None:
    with stage(group("app"), originals="STOPPED") as here:
        _killed(here, state)
        assert here.pairs().get(here.source("app"), {}).get("workloadSide", "ORIGIN") == "ORIGIN"
        assert here.run("last").outcomes == {"app": "RECOVERED"}


def test_both_sides_of_a_killed_failover_are_reported() -> None:
    with stage(group("app"), originals="RUNNING") as here:
        arn = here.start("killed")
        reach(here, "recovery-wave", "VerifyInstances", "killed")
        here.cloud.stop(arn, "Operator", "killed")
        here.cloud.advance(5)
        send_end(here, arn)
        assert "ORIGINAL_RUNS" in here.read(here.cloud.result(arn)).codes("app")
