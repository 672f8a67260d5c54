"""Frozen between any two states: no job, stop, attach or delete until it is released; then all is as ever."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflows.control_messages import WHO, on, send
from tests.workflows.failback_stage import QUICK, away, back, fail_back, sides
from tests.workflows.stage import Stage, group, stage

BEGINNING = {
    *(("drs", "StartRecovery"), ("drs", "ReverseReplication"), ("drs", "StartReplication")),
    *(("drs", "TerminateRecoveryInstances"), ("drs", "DeleteSourceServer"), ("drs", "StopReplication")),
    *(("drs", "DeleteRecoveryInstance"), ("drs", "DisconnectRecoveryInstance")),
    *(("ec2", "StopInstances"), ("ec2", "TerminateInstances"), ("ec2", "DeleteVolume")),
    *(("ec2", "AttachVolume"), ("ec2", "DetachVolume"), ("ssm", "SendCommand")),
}


NOTHING_LEFT = ("WatchJobs", "VerifyLaunches", "CloseWave")
"""After the job of a failover nothing is begun any more that a freeze prevents."""


def switch(here: Stage, action: str, plan: str = "shop") -> None:
    here.call("FreezePlanFunction", {"action": action, "plan": plan, **WHO, "now": _now(here)})


def _now(here: Stage) -> str:
    return str(here.cloud.clock.now().isoformat())


def frozen_at(here: Stage, function: str, **request: Any) -> Any:
    """An execution in which the plan is frozen just before this function is called; gives its run."""
    at: list[str] = []
    begun: list[tuple[str, str]] = []
    answer = here.cloud.routes.answer

    def counting(call: Any) -> Any:
        if at and (call.service, call.operation) in BEGINNING and here.cloud.functions.calling() is not None:
            begun.append((call.service, call.operation))
        return answer(call)

    def freeze() -> None:
        switch(here, "FREEZE")
        at.append(function)

    here.cloud.routes.answer = counting  # type: ignore[method-assign]
    on(here, function, freeze)
    arn = here.start("run", **request)
    here.cloud.advance(40 * 60)
    assert at, f"{function} is never called"
    assert begun == [], f"frozen before {function}"
    switch(here, "RELEASE")
    run = here.wait(arn)
    assert begun or function in NOTHING_LEFT, "released, it goes on"
    return run


@pytest.mark.parametrize(
    "function",
    [
        *("DiscoverServers", "DecidePairs", "PlanWaves", "ReserveServers", "ConfigureLaunch"),
        *("StopTargets", "StartRecovery", "WatchJobs", "VerifyLaunches", "CloseWave"),
    ],
)
def test_a_failover_waits_wherever_it_is_frozen_and_ends_as_ever(function: str) -> None:
    with stage(group("app", count=2), jobs=QUICK, policies={"whenTargetRuns": "STOP"}) as here:
        here.ec2().start_instances(InstanceIds=[here.target("app-1")])
        here.cloud.advance(120)
        run = frozen_at(here, function)
        assert run.status == "COMPLETED", run.summary
        assert set(run.outcomes.values()) == {"RECOVERED"}


@pytest.mark.parametrize(
    "function",
    ["ReverseReplication", "StopTargets", "StopWorkloads", "StartRecovery", "Reprotect", "RetireRecovery"],
)
def test_a_failback_waits_wherever_it_is_frozen_and_ends_as_ever(function: str) -> None:
    with away() as (here, before):
        run = frozen_at(here, function, mode="FAILBACK")
        back(here, before, run)


def test_a_failback_that_is_frozen_in_its_cutover_can_be_cancelled_and_the_workload_runs_again() -> None:
    with away(group("app")) as (here, _):
        on(here, "StartRecovery", lambda: switch(here, "FREEZE"))
        arn = here.start("run", mode="FAILBACK")
        here.cloud.advance(3600)
        assert sides(here, "app") == ("stopped", "stopped"), "an outage, while it is frozen"
        send(here, "CANCEL")
        run = here.wait(arn)
        assert run.status == "CANCELLED"
        assert sides(here, "app")[1] == "running", "where the newest data are"
        assert here.cloud.calls["drs", "StartRecovery"] == 1, "of the failover alone"
        switch(here, "RELEASE")
        assert fail_back(here, "again").status == "COMPLETED"


def test_a_drill_keeps_what_it_launched_until_its_plan_is_released() -> None:
    with stage(group("app"), jobs=QUICK) as here:
        before = here.world()
        run = frozen_at(here, "CleanUpDrill", mode="DRILL")
        assert run.outcomes == {"app": "RETURNED"}
        assert here.world()["recovery"] == before["recovery"]


def test_the_clean_up_of_a_cancelled_drill_waits_as_well() -> None:
    with stage(group("app"), jobs=QUICK) as here:
        before = here.world()

        def stop_and_freeze() -> None:
            send(here, "CANCEL")
            switch(here, "FREEZE")

        on(here, "StartInstances", stop_and_freeze)
        arn = here.start("run", mode="DRILL")
        here.cloud.advance(3600)
        assert here.world()["recovery"] != before["recovery"], "nothing is detached or deleted"
        assert here.drs_state()["recoveryInstances"]
        switch(here, "RELEASE")
        assert here.wait(arn).status == "CANCELLED"
        here.cloud.advance(3600)
        assert here.world()["recovery"] == before["recovery"]


def test_while_all_plans_are_frozen_no_execution_starts_and_the_refusal_has_the_command() -> None:
    with away() as (here, _):
        switch(here, "FREEZE", "*")
        after = here.world()
        run = fail_back(here, "refused")
        assert run.status == "FAILED"
        assert "Every plan is frozen" in run.report["reason"]
        assert "freeze-plan" in run.report["reason"]
        assert here.world() == after
        switch(here, "RELEASE", "*")
        assert fail_back(here, "released").status == "COMPLETED"
