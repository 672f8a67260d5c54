"""Nothing is done twice: lost answers, functions that die after their work, refusals, and full quotas."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from drs_emulator import Settings
from shared.model.quotas import JOBS_IN_PROGRESS
from tests.workflows.control_messages import decide
from tests.workflows.stage import SLEEPERS, Stage, fill_with_foreign_jobs, group, issue, stage, wave

CONTINUE = [wave("all", onFailure="CONTINUE")]
FUNCTIONS = (
    "OpenExecution",
    "RequestApproval",
    "DiscoverServers",
    "MatchInstances",
    "CheckPrerequisites",
    "DecidePairs",
    "PlanWaves",
    "ReserveServers",
    "AwaitTurn",
    "ConfigureLaunch",
    "StopTargets",
    "StartRecovery",
    "WatchJobs",
    "VerifyLaunches",
    "StartInstances",
    "VerifyInstances",
    "CloseWave",
    "RestoreLaunchSettings",
    "CloseExecution",
)


def approving(here: Stage) -> None:
    """An operator answers every question a minute later; an answer to an outdated one is refused."""

    here.cloud.on_function(
        "RequestApprovalFunction",
        lambda event: here.cloud.clock.call_later(60, lambda: decide(here, event)),
    )


def once_at(here: Stage, function: str, action: Any) -> None:
    """``action()`` right before the first invocation of a function."""
    done: list[bool] = []

    def watch(event: dict[str, Any]) -> None:
        if not done:
            done.append(True)
            action()

    here.cloud.on_function(f"{function}Function", watch)


@pytest.mark.parametrize("times", [1, 2])
def test_functions_that_die_after_their_work_are_called_again_with_the_same_end(times: int) -> None:
    with stage(group("app"), group("odd", **issue("conversionFails", times=1))) as here:
        approving(here)
        for function in FUNCTIONS:
            here.cloud.fail_function(f"{function}Function", error="Lambda.Unknown", times=times, after=True)
        run = here.run(approval="REQUIRED")
        assert run.status == "COMPLETED"
        assert {state for _, state, _ in run.result.caught} <= SLEEPERS
        assert {here.cloud.functions.invocations(f"{name}Function") > times for name in FUNCTIONS} == {True}
        assert [len(here.jobs_of(name)) for name in ("app", "odd")] == [1, 2]
        assert [run.server(name)["attempts"] for name in ("app", "odd")] == [1, 2]
        assert here.pairs().keys() == {here.source(name) for name in here.servers}
        assert here.subjects().count("shop: failover started") == 1
        assert here.subjects().count("shop: wave all completed") == 1


@pytest.mark.parametrize(
    ("function", "status", "jobs"),
    [("ConfigureLaunch", "FAILED", 0), ("StartRecovery", "COMPLETED", 1), ("CloseWave", "FAILED", 1)],
)
def test_a_function_that_always_dies_after_its_work_leaves_nothing_half_done(
    function: str, status: str, jobs: int
) -> None:
    with stage(group("app")) as here:
        before = here.world()
        here.cloud.fail_function(f"{function}Function", error="Lambda.Unknown", times=100, after=True)
        run = here.run()
        assert run.status == status
        assert len(here.jobs_of("app")) == jobs
        if not jobs:
            assert here.world() == before


def test_a_job_whose_start_was_not_answered_is_adopted() -> None:
    with stage() as here:
        here.drs_fault("ACCEPTED_BUT_TIMES_OUT", operation="StartRecovery", times=1)
        run = here.run()
        assert run.status == "COMPLETED"
        assert here.cloud.calls["drs", "StartRecovery"] == 1
        assert len(here.drs_state()["jobs"]) == 1
        assert ("recovery-wave", "StartRecovery", "OutcomeUnknownError") in run.result.retried
        assert run.server("app-1")["jobId"] == here.jobs_of("app-1")[0]["jobID"]


def test_a_retry_whose_start_was_not_answered_is_adopted_as_well() -> None:
    with stage(group("odd", **issue("conversionFails", times=1))) as here:
        armed: list[bool] = []

        def lose_the_second_answer(event: dict[str, Any]) -> None:
            if here.jobs_of("odd") and not armed:
                armed.append(True)
                here.drs_fault("ACCEPTED_BUT_TIMES_OUT", operation="StartRecovery", times=1)

        here.cloud.on_function("StartRecoveryFunction", lose_the_second_answer)
        run = here.run()
        assert run.status == "COMPLETED"
        assert run.server("odd")["attempts"] == 2
        assert len(here.jobs_of("odd")) == 2


def test_throttling_is_waited_out() -> None:
    with stage() as here:
        for operation in ("DescribeSourceServers", "UpdateLaunchConfiguration", "StartRecovery"):
            here.drs_fault("THROTTLED", operation=operation, times=1)
        run = here.run()
        assert run.status == "COMPLETED"
        assert len(here.drs_state()["jobs"]) == 1


def test_one_target_that_cannot_be_launched_into_is_found_and_the_others_launched() -> None:
    with stage(group("app", count=4), waves=CONTINUE) as here:
        bad = here.target("app-2")

        def untag() -> None:
            here.ec2().delete_tags(Resources=[bad], Tags=[{"Key": "AWSDRS"}])

        once_at(here, "StartRecovery", untag)
        run = here.run()
        assert run.outcomes == {
            "app-1": "RECOVERED",
            "app-2": "FAILED",
            "app-3": "RECOVERED",
            "app-4": "RECOVERED",
        }
        assert bad in run.server("app-2")["reason"]
        assert here.jobs_of("app-2") == []
        assert len(here.drs_state()["jobs"]) == 1
        assert here.instances()[bad]["state"] == "stopped"
        assert "launchIntoEC2InstanceID" not in str(here.launch_settings("app-2"))


def test_a_server_that_drs_refuses_without_a_visible_cause_is_found_by_splitting() -> None:
    with stage(group("app", count=4), waves=CONTINUE) as here:
        # Without a consistent copy DRS refuses the whole call; nothing in EC2 or in the jobs shows it.
        source = here.source("app-3")
        once_at(
            here,
            "StartRecovery",
            lambda: here.drs_fault("REPLICATION", server=source, state="DISCONNECTED", lagSeconds=0),
        )
        run = here.run()
        assert run.outcomes == {
            "app-1": "RECOVERED",
            "app-2": "RECOVERED",
            "app-3": "FAILED",
            "app-4": "RECOVERED",
        }
        assert source in run.server("app-3")["reason"]
        assert [len(here.jobs_of(name)) for name in here.servers] == [1, 1, 0, 1]


def test_a_server_that_another_job_takes_meanwhile_is_waited_for() -> None:
    with stage(group("app", count=2)) as here:
        source = here.source("app-1")
        here.drs_fault("PHASE_FAILS", phase="SNAPSHOT", server=source, times=1)
        once_at(
            here,
            "StartRecovery",
            lambda: here.drs().start_recovery(sourceServers=[{"sourceServerID": source}]),
        )
        run = here.run()
        assert run.status == "COMPLETED"
        assert "AwaitJobSlot" in run.result.visited["recovery-wave"]
        assert [len(here.jobs_of(name)) for name in here.servers] == [2, 1]
        assert run.server("app-1")["attempts"] == 1


def test_a_server_that_drs_keeps_for_a_while_after_its_job_is_retried_when_it_is_free() -> None:
    keeps = Settings(time_factor=0.1, busy_after_job_seconds=90)
    with stage(group("odd", **issue("conversionFails", times=1)), jobs=keeps) as here:
        run = here.run()
        assert run.status == "COMPLETED"
        first, second = here.jobs_of("odd")
        assert _seconds(second["creationDateTime"], first["endDateTime"]) >= 90


def test_a_scope_full_of_jobs_is_waited_for() -> None:
    with stage() as here:
        end = fill_with_foreign_jobs(here, JOBS_IN_PROGRESS, seconds=300)
        run = here.run()
        assert run.status == "COMPLETED"
        assert "QUOTA_JOBS" in {finding["code"] for finding in run.report["findings"]}
        assert "AwaitJobSlot" in run.result.visited["recovery-wave"]
        assert here.jobs_of("app-1")[0]["creationDateTime"] >= end
        assert len(here.jobs_of("app-1")) == 1


def test_a_quota_that_drs_names_itself_is_waited_for() -> None:
    with stage(jobs=Settings(time_factor=0.1, jobs_in_progress=1)) as here:
        end = fill_with_foreign_jobs(here, 1, seconds=200)
        run = here.run()
        assert run.status == "COMPLETED"
        assert here.jobs_of("app-1")[0]["creationDateTime"] >= end


def test_a_scope_that_stays_full_fails_its_servers_in_the_end_and_restores_them() -> None:
    with stage(jobs=Settings(time_factor=0.1, jobs_in_progress=1)) as here:
        fill_with_foreign_jobs(here, 1, seconds=100_000)
        before = here.world()["launch"]
        run = here.run()
        assert run.status == "FAILED"
        assert set(run.outcomes.values()) == {"FAILED"}
        assert "2:00:00" in run.server("app-1")["reason"]
        assert here.world()["launch"] == before
        assert [here.jobs_of(name) for name in here.servers] == [[], []]


def _seconds(later: str, earlier: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
