"""Every Catch on the failback and of a drill's clean-up is taken; the next failback goes on from there.

A scenario runs once and is kept, so that the tests of its end and the count of all Catches share it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest

from tests.workflows.failback_stage import away, back, fail_back, launches_at_origin, reversals, sides
from tests.workflows.killing import CHILDREN, clean_up_of, reach, send_end
from tests.workflows.stage import Run, Stage, group, stage
from tests.workflows.test_failback_happy import QUIESCE
from tests.workflows.test_failover_catches import (
    ERROR,
    _catcher,
    _definition,
    _states,
    failing,
    rejecting,
)

Taken = set[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """How one Catch is provoked in a failback of one server; the status and its protection then."""

    provoke: Callable[[Stage], None]
    status: str = "FAILED"
    protection: str | None = None
    relaunched: bool = False
    request: tuple[tuple[str, Any], ...] = ()
    failback: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """What was left by a scenario; ``again`` is the failback that followed."""

    run: Run
    again: Run
    sides: tuple[str, str]
    locks: dict[str, str]
    reversals: int
    launches: int


def drained(here: Stage) -> None:
    """The poll after quiescing fails, those before do not."""

    def read(event: dict[str, Any]) -> None:
        if event.get("drained"):
            failing("WatchReplication")(here)

    here.cloud.on_function("WatchReplicationFunction", read)


def stalled(here: Stage) -> None:
    here.drs_fault("STALLS", error="NOT_CONVERGING", direction="FAILBACK", seconds=120)
    failing("ReportStall")(here)


def giving_no_batches_once(here: Stage) -> None:
    """As long as the functions are not healed, ConfigureLaunch answers what is no list of batches."""
    real = importlib.import_module("functions.configuration.configure_launch").handler
    left = [None]

    def answer(event: Any, context: Any) -> Any:
        return {"batches": "none"} if left and not left.pop() else real(event, context)

    here.cloud.add_function("ConfigureLaunchFunction", answer)


def returning(here: Stage) -> None:
    failing("StartInstances")(here)
    failing("RestartWorkloads")(here)


ASKING, CUTOVER = (("approval", "REQUIRED"),), (("approval", "REQUIRED"),)
STOPPED_THERE = (("quiesce", QUIESCE),)
FAILED = "COMPLETED_WITH_FAILURES"
SCENARIOS = {
    "OpenExecution": Scenario(failing("OpenExecution")),
    "ApproveStart expired": Scenario(lambda here: None, "CANCELLED", request=ASKING),
    "ApproveStart rejected": Scenario(rejecting, "CANCELLED", request=ASKING),
    "ReadApproval": Scenario(failing("ReadApproval"), request=ASKING),
    "IdentifyOriginals": Scenario(failing("IdentifyOriginals")),
    "CheckReversePrerequisites": Scenario(failing("CheckReversePrerequisites")),
    "DecidePairs": Scenario(failing("DecidePairs")),
    "PlanWaves": Scenario(failing("PlanWaves")),
    "ReserveServers": Scenario(failing("ReserveServers")),
    "ReverseReplication": Scenario(failing("ReverseReplication")),
    "WatchReplication": Scenario(failing("WatchReplication")),
    "ReportStall": Scenario(stalled),
    "ApproveCutover expired": Scenario(lambda here: None, "CANCELLED", failback=CUTOVER),
    "ApproveCutover rejected": Scenario(rejecting, "CANCELLED", failback=CUTOVER),
    "ReadCutoverApproval": Scenario(failing("ReadApproval"), failback=CUTOVER),
    "QuiesceWorkloads": Scenario(failing("QuiesceWorkloads"), failback=STOPPED_THERE),
    "WatchReplication when drained": Scenario(drained, failback=STOPPED_THERE),
    "AwaitTurn": Scenario(failing("AwaitTurn")),
    "ConfigureLaunch": Scenario(failing("ConfigureLaunch")),
    "StopWorkloads": Scenario(failing("StopWorkloads")),
    "StopTargets": Scenario(failing("StopTargets")),
    "StartRecovery": Scenario(failing("StartRecovery")),
    "StartBatches": Scenario(giving_no_batches_once),
    "WatchJobs": Scenario(failing("WatchJobs"), relaunched=True),
    "VerifyLaunches": Scenario(failing("VerifyLaunches"), relaunched=True),
    "StartInstances": Scenario(failing("StartInstances"), relaunched=True),
    "VerifyInstances": Scenario(failing("VerifyInstances"), relaunched=True),
    "RestartWorkloads": Scenario(returning),
    # The wave's own CloseWave fails, that of the failback closes it; with two failures that fails as well.
    "RunWave": Scenario(failing("CloseWave"), FAILED, "RETIRED"),
    "RunWaves": Scenario(failing("CloseWave", times=2), "FAILED", "UNPROTECTED"),
    "Reprotect": Scenario(failing("Reprotect"), "FAILED", "UNPROTECTED"),
    "WatchReprotection": Scenario(failing("WatchReprotection"), "FAILED", "UNPROTECTED"),
    "RetireRecovery": Scenario(failing("RetireRecovery"), "FAILED", "PROTECTED"),
    "RestoreLaunchSettings": Scenario(failing("RestoreLaunchSettings"), "COMPLETED", "RETIRED"),
}


@cache
def ended(name: str) -> Ended:
    """Runs a scenario, and then a failback without its issue, which must bring the server back."""
    scenario = SCENARIOS[name]
    with away(group("app"), policies={"failback": dict(scenario.failback)}) as (here, before):
        scenario.provoke(here)
        run = fail_back(here, **dict(scenario.request))
        left = sides(here, "app"), here.locks()
        here.cloud.advance(300)  # a job whose watcher failed ends by itself
        here.cloud.functions.heal()
        again = fail_back(here, "again", plan={**here.plan, "policies": {}})
        back(here, before, again)
        return Ended(run, again, *left, reversals(here, "app"), sum(launches_at_origin(here).values()))


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_caught_failure_ends_in_a_named_outcome_and_the_next_failback_goes_on(name: str) -> None:
    scenario, end = SCENARIOS[name], ended(name)
    report = end.run.report
    assert end.run.status == scenario.status
    assert end.locks == {}
    assert end.reversals == 1
    assert end.launches == 1 + scenario.relaunched
    reported = [report["reason"], *(part["reason"] for part in report["waves"] + report["servers"])]
    if scenario.status == "CANCELLED":
        assert report["reason"].startswith("Approval")
    elif scenario.status != "COMPLETED":
        assert any(ERROR in str(reason) or "QueryEvaluation" in str(reason) for reason in reported), reported
    for server in report["servers"]:
        assert server["protection"] == scenario.protection


@pytest.mark.parametrize("name", SCENARIOS)
def test_one_side_runs_the_workload_after_a_caught_failure(name: str) -> None:
    scenario, end = SCENARIOS[name], ended(name)
    if scenario.protection:
        assert end.sides == ("running", "stopped")
    elif name == "RestartWorkloads":
        [server] = end.run.report["servers"]
        assert end.sides == ("stopped", "stopped")
        assert "aws ec2 start-instances" in server["remedy"]
    else:
        # The original may run as it did before: it was not launched into then.
        assert end.sides[1] == "running"
        assert end.sides[0] == "stopped" or end.launches == 1


def drill_catches() -> Taken:
    """What is caught in the clean-ups of drills in which one function after the other fails."""
    taken: Taken = set()
    for function in ("CleanUpDrill", "RestoreLaunchSettings"):
        with stage(group("app")) as here:
            failing(function, times=2)(here)  # the drill's own state of that name comes first
            run = here.run("drill", mode="DRILL")
            assert run.status in ("FAILED", "COMPLETED_WITH_FAILURES", "COMPLETED")
            assert here.locks() == {}
            taken |= run.result.caught
    with stage(group("app")) as here:
        arn = here.start("drill", mode="DRILL")
        reach(here, "recovery-wave", "VerifyInstances")
        here.cloud.stop(arn, "Operator", "killed")
        send_end(here, arn)
        failing("CloseExecution")(here)
        result = here.cloud.wait(clean_up_of(here, "drill"))
        assert (result.status, result.error) == ("FAILED", "ExecutionNotClosed")
        taken |= result.caught
    return taken


def test_every_catch_of_the_failback_and_of_the_clean_up_is_taken() -> None:
    caught = drill_catches().union(*(ended(name).run.result.caught for name in SCENARIOS))
    with away(group("app")) as (here, _):
        failing("CloseExecution")(here)
        result = here.cloud.wait(here.start("back", mode="FAILBACK"))
        assert (result.status, result.error) == ("FAILED", "ExecutionFailed")
        assert "could not be written" in str(result.cause)
        caught |= result.caught
        assert fail_back(here, "again").outcomes == {"app": "RECOVERED"}
    taken = {(machine, state, _catcher(machine, state, error)) for machine, state, error in caught}
    declared = {
        (machine, state, number)
        for machine in ("failback", *CHILDREN, "recovery-wave", "drill-cleanup")
        for state, definition in _states(_definition(machine))
        for number, _ in enumerate(definition.get("Catch", ()))
    }
    in_failovers = {("AwaitTurn", 0)} | {(name, n) for name in ("AwaitJobs", "AwaitJobSlot") for n in (0, 1)}
    assert declared - taken == {("recovery-wave", *catch) for catch in in_failovers}
