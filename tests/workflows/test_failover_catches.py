"""Every Catch of both machines is taken, and each leads to a named outcome with nothing left behind.

A scenario runs once and is kept, so that the tests of its end and the count of all Catches share it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from local.simulation import EventFaults
from shared.model.quotas import JOBS_IN_PROGRESS
from tests.workflows.control_messages import decide
from tests.workflows.stage import SLEEPERS, Run, Stage, fill_with_foreign_jobs, group, stage, wave

MACHINES = Path(__file__).parents[2] / "statemachines"
ERROR = "MadeToFailError"


@dataclass(frozen=True, slots=True)
class Scenario:
    """How one Catch is provoked, and the execution's status then.

    ``jobs``: how many DRS jobs there are in the end; without one, everything must be as before.
    """

    provoke: Callable[[Stage], None]
    status: str
    jobs: int = 0
    request: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """What was left by a scenario."""

    run: Run
    before: dict[str, Any]
    after: dict[str, Any]
    locks: dict[str, str]
    subjects: list[str]


def failing(function: str, times: int = 1) -> Callable[[Stage], None]:
    """The function fails with an error that no state retries."""
    return lambda here: here.cloud.fail_function(f"{function}Function", error=ERROR, times=times)


def rejecting(here: Stage) -> None:
    """An operator rejects as soon as asked."""

    def reject(event: dict[str, Any]) -> None:
        here.cloud.clock.call_later(60, lambda: decide(here, event, "REJECT"))

    here.cloud.on_function("RequestApprovalFunction", reject)


def giving_no_batches(here: Stage) -> None:
    """ConfigureLaunch answers what is no list of batches."""
    here.cloud.add_function("ConfigureLaunchFunction", lambda event, context: {"batches": "none"})


def losing_the_resumption(here: Stage) -> None:
    """The wave that waits is not resumed when the first one ends: its word was lost."""

    def forget(event: dict[str, Any]) -> None:
        if event["wave"] == "data":
            here.cloud.client("dynamodb").update_item(
                TableName=os.environ["EXECUTIONS_TABLE"],
                Key={"pk": {"S": "EXECUTION#run"}, "sk": {"S": "WAVE#web"}},
                UpdateExpression="REMOVE #token",
                ExpressionAttributeNames={"#token": "token"},
            )

    here.cloud.on_function("CloseWaveFunction", forget)


def crowding(here: Stage) -> None:
    """No slot for ten minutes, for any batch."""
    fill_with_foreign_jobs(here, JOBS_IN_PROGRESS, seconds=600)


def crowding_and_failing(here: Stage) -> None:
    crowding(here)
    failing("AwaitJobSlot", times=2)(here)


def hearing_nothing(here: Stage) -> None:
    """Every event is lost."""
    here.cloud.event_delivery.faults = EventFaults(lost=1.0)


ELSEWHERE = {"CancelDrills", "TakePlan", "CleanUp", "StopWorkloads", "RestartWorkloads", "RetireLeftOvers"}
"""States that only drills and failbacks reach, or what comes after one: test_failback_catches has them."""
ASKING = (("approval", "REQUIRED"),)
SCENARIOS = {
    "OpenExecution": Scenario(failing("OpenExecution"), "FAILED"),
    "ApproveStart expired": Scenario(lambda here: None, "CANCELLED", request=ASKING),
    "ApproveStart rejected": Scenario(rejecting, "CANCELLED", request=ASKING),
    "ReadApproval": Scenario(failing("ReadApproval"), "FAILED", request=ASKING),
    "DiscoverServers": Scenario(failing("DiscoverServers"), "FAILED"),
    "MatchInstances": Scenario(failing("MatchInstances"), "FAILED"),
    "CheckPrerequisites": Scenario(failing("CheckPrerequisites"), "FAILED"),
    "DecidePairs": Scenario(failing("DecidePairs"), "FAILED"),
    "PlanWaves": Scenario(failing("PlanWaves"), "FAILED"),
    "ReserveServers": Scenario(failing("ReserveServers"), "FAILED"),
    # The wave's own CloseWave fails, that of the failover closes it; with two failures that fails as well.
    "RunWave": Scenario(failing("CloseWave"), "FAILED", jobs=2),
    "RunWaves": Scenario(failing("CloseWave", times=3), "FAILED", jobs=2),
    "RestoreLaunchSettings": Scenario(failing("RestoreLaunchSettings"), "COMPLETED", jobs=2),
    "AwaitTurn": Scenario(failing("AwaitTurn"), "FAILED", jobs=1),
    "AwaitTurn in vain": Scenario(losing_the_resumption, "COMPLETED", jobs=2),
    "ConfigureLaunch": Scenario(failing("ConfigureLaunch", times=2), "FAILED"),
    "StopTargets": Scenario(failing("StopTargets", times=2), "FAILED"),
    "StartRecovery": Scenario(failing("StartRecovery", times=2), "FAILED"),
    "StartBatches": Scenario(giving_no_batches, "FAILED"),
    "AwaitJobSlot": Scenario(crowding_and_failing, "FAILED", jobs=JOBS_IN_PROGRESS),
    "AwaitJobSlot in vain": Scenario(crowding, "COMPLETED", jobs=JOBS_IN_PROGRESS + 2),
    "AwaitJobs": Scenario(failing("AwaitJobs"), "FAILED", jobs=2),
    "AwaitJobs in vain": Scenario(hearing_nothing, "COMPLETED", jobs=2),
    "WatchJobs": Scenario(failing("WatchJobs"), "FAILED", jobs=2),
    "VerifyLaunches": Scenario(failing("VerifyLaunches"), "FAILED", jobs=2),
    "StartInstances": Scenario(failing("StartInstances"), "FAILED", jobs=2),
    "VerifyInstances": Scenario(failing("VerifyInstances"), "FAILED", jobs=2),
}


@cache
def ended(name: str) -> Ended:
    """Runs a scenario: two waves of one server each, the second depending on the first."""
    scenario = SCENARIOS[name]
    groups = [group("db", "data"), group("web", "web")]
    with stage(*groups, waves=[wave("data"), wave("web", "data")]) as here:
        before = here.world()
        scenario.provoke(here)
        run = here.run(**dict(scenario.request))
        return Ended(run, before, here.world(), here.locks(), here.subjects())


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_caught_failure_ends_in_a_named_outcome(name: str) -> None:
    scenario, end = SCENARIOS[name], ended(name)
    report = end.run.report
    assert end.run.status == scenario.status
    assert end.locks == {}
    assert any(scenario.status.lower() in subject for subject in end.subjects)
    if scenario.status == "CANCELLED":
        assert report["reason"].startswith("Approval")
    elif scenario.status == "FAILED":
        reported = [report["reason"], *(part["reason"] for part in report["waves"] + report["servers"])]
        assert any(ERROR in str(reason) or "QueryEvaluation" in str(reason) for reason in reported), reported


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_caught_failure_leaves_drs_as_it_was_where_nothing_was_launched(name: str) -> None:
    scenario, end = SCENARIOS[name], ended(name)
    assert len(end.after["jobs"]) == scenario.jobs
    if not scenario.jobs:
        assert end.after == end.before
    for server in end.run.report["servers"]:
        if server["jobId"] is None:
            source = server["sourceServerId"]
            assert end.after["launch"][source] == end.before["launch"][source]


def test_the_outcome_of_a_server_is_right_for_the_place_where_its_wave_failed() -> None:
    assert ended("StartRecovery").run.outcomes == {"db": "FAILED", "web": "FAILED"}
    assert ended("RestoreLaunchSettings").run.outcomes == {"db": "RECOVERED", "web": "RECOVERED"}
    assert ended("StartInstances").run.outcomes == {"db": "FAILED", "web": "SKIPPED"}
    assert set(ended("ReserveServers").run.outcomes.values()) == {"SKIPPED"}
    assert ended("RunWave").run.outcomes["db"] == "RECOVERED"


def test_every_catch_of_both_machines_is_taken() -> None:
    taken = {
        (machine, state, _catcher(machine, state, error))
        for name in SCENARIOS
        for machine, state, error in ended(name).run.result.caught
    }
    with stage(group("app")) as here:
        failing("CloseExecution")(here)
        result = here.cloud.wait(here.start())
        taken |= {
            (machine, state, _catcher(machine, state, error)) for machine, state, error in result.caught
        }
    declared = {
        (machine, state, number)
        for machine in ("failover", "recovery-wave")
        for state, definition in _states(_definition(machine))
        if state not in ELSEWHERE
        for number, _ in enumerate(definition.get("Catch", ()))
    }
    assert declared - taken == set()


def test_an_execution_that_cannot_be_closed_fails_and_reports_it() -> None:
    """Its locks are taken over by the next execution, since it is over."""
    with stage() as here:
        failing("CloseExecution")(here)
        result = here.cloud.wait(here.start("first"))
        assert (result.status, result.error) == ("FAILED", "ExecutionFailed")
        assert ERROR in str(result.cause)
        assert "could not be written" in str(result.cause)
        assert set(here.locks().values()) == {"first"}
        again = here.run("second")
        assert set(again.outcomes.values()) == {"RECOVERED"}
        assert "ADOPTED" in again.codes("app-1")


def test_settings_that_could_not_be_put_back_are_in_the_report() -> None:
    with stage(group("app")) as here:
        failing("StartRecovery")(here)
        failing("RestoreLaunchSettings")(here)
        run = here.run()
        assert run.status == "FAILED"
        [finding] = run.report["findings"]
        assert finding["code"] == "LAUNCH_SETTINGS_NOT_RESTORED"
        assert here.source("app") in finding["remedy"]
        assert here.source("app") in run.summary


RETRIED = {"ThrottledError", "AwsUnavailableError", "OutcomeUnknownError", "Lambda.TooManyRequestsException"}


def test_passing_issue_of_every_function_is_retried() -> None:
    with stage(group("app")) as here:
        crowding(here)
        for name in _functions("failover") | _functions("recovery-wave"):
            for error in RETRIED:
                here.cloud.fail_function(name.strip("${}"), error=error)
        run = here.run()
        assert run.status == "COMPLETED"
        assert {state for _, state, _ in run.result.caught} <= SLEEPERS
        tasks = {state for machine in ("failover", "recovery-wave") for state in _tasks(machine)}
        for state in tasks - {"ReadApproval", "ApproveStart", "RunWave", "FailExecution"} - ELSEWHERE:
            assert {error for _, place, error in run.result.retried if place == state} == RETRIED


def _definition(machine: str) -> dict[str, Any]:
    definition: dict[str, Any] = json.loads((MACHINES / f"{machine}.asl.json").read_text("utf-8"))
    return definition


def _states(definition: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in definition["States"].items():
        yield name, state
        if "ItemProcessor" in state:
            yield from _states(state["ItemProcessor"])


def _tasks(machine: str) -> set[str]:
    return {name for name, state in _states(_definition(machine)) if state["Type"] == "Task"}


def _functions(machine: str) -> set[str]:
    tasks = (state for _, state in _states(_definition(machine)) if state["Type"] == "Task")
    return {task["Arguments"]["FunctionName"] for task in tasks if "FunctionName" in task["Arguments"]}


def _catcher(machine: str, state: str, error: str) -> int:
    """Which catcher of a state takes an error."""
    definition = dict(_states(_definition(machine)))[state]
    return next(
        number
        for number, catcher in enumerate(definition["Catch"])
        if {error, "States.ALL"} & set(catcher["ErrorEquals"])
    )
