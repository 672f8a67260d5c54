"""What the report says under *Next* is done for each outcome, and things are better afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from shared.rules.report import next_steps
from tests.workflows.advice.aws_cli import commands, typed
from tests.workflows.advice.failback_rows import original_stop_protected
from tests.workflows.control_messages import on, send
from tests.workflows.failback_stage import away, fail_back, sides
from tests.workflows.stage import Run, Stage, group, stage, wave

GROUPS = (group("app"), group("db"))
AGAIN = {"onBlocked": "CONTINUE"}
Arises = Callable[[Stage], Any]
Follow = Callable[[Stage, Run], Run | None]
Better = Callable[[Stage, Run | None], None]


def nothing(here: Stage) -> None:
    """All goes well."""


def one_fails(here: Stage) -> None:
    here.drs_fault("PHASE_FAILS", phase="CONVERSION", server="app", times=1)


def all_fail(here: Stage) -> None:
    for name in ("app", "db"):
        here.drs_fault("PHASE_FAILS", phase="CONVERSION", server=name, times=1)


def target_untagged(here: Stage) -> None:
    here.ec2().delete_tags(Resources=[here.target("app")], Tags=[{"Key": "AWSDRS"}])


def original_protected(here: Stage) -> None:
    original_stop_protected(here, "app")
    here.cloud.advance(60)


def cancelled_at(function: str, execution: str = "first") -> Arises:
    """An operator cancels it as the function is called first."""
    return lambda here: on(here, function, lambda: send(here, "CANCEL", execution))


def ready(here: Stage, run: Run) -> None:
    """Users are pointed to where it says; nothing is started."""


def again(mode: str = "FAILOVER", **request: str) -> Follow:
    """The plan is started again, as it says."""
    return lambda here, run: here.run("again", mode=mode, **request)


def looked_and_again(here: Stage, run: Run) -> Run:
    """Jobs are looked at with the command, until none runs; then the plan is started again."""
    next_part = run.summary.split("## Next", 1)[1]
    assert commands(next_part), "it has the command"
    here.cloud.advance(1200)
    [answer] = typed(here, next_part.split("## ")[0])
    assert {job["status"] for job in answer["items"]} <= {"COMPLETED"}
    return here.run("again", **AGAIN)


def recovered(here: Stage, run: Run | None) -> None:
    """Both run on the recovery side, launched once."""
    for name in here.servers:
        assert here.instances()[here.target(name)]["state"] == "running"
        assert here.pairs()[here.source(name)]["workloadSide"] == "RECOVERY"
    if run is not None:
        assert set(run.outcomes.values()) <= {"RECOVERED", "BLOCKED"}


def other_recovered(here: Stage, run: Run | None) -> None:
    assert run is not None
    assert run.outcomes == {"app": "BLOCKED", "db": "RECOVERED"}


def drilled(here: Stage, run: Run | None) -> None:
    """As before the drill."""
    assert run is None or set(run.outcomes.values()) == {"RETURNED"}
    assert {here.instances()[here.target(name)]["state"] for name in here.servers} == {"stopped"}


def back(here: Stage, run: Run | None) -> None:
    """Both run at the origin, and are protected."""
    for name in here.servers:
        assert sides(here, name) == ("running", "stopped")
    if run is not None:
        assert {server["protection"] for server in run.report["servers"]} == {"RETIRED"}


def other_back(here: Stage, run: Run | None) -> None:
    assert run is not None
    assert run.outcomes == {"app": "BLOCKED", "db": "RECOVERED"}
    assert sides(here, "db") == ("running", "stopped")
    assert here.pairs()[here.source("app")]["workloadSide"] == "RECOVERY"


@dataclass(frozen=True, slots=True)
class Row:
    """``says``: words of *Next*."""

    mode: str
    status: str
    arises: Arises
    says: str
    follow: Follow
    better: Better


BACK = again("FAILBACK", **AGAIN)
ROWS = (
    Row("FAILOVER", "COMPLETED", nothing, "Point users to the recovery side", ready, recovered),
    Row("FAILOVER", "COMPLETED_WITH_FAILURES", one_fails, "onBlocked: CONTINUE", again(**AGAIN), recovered),
    Row("FAILOVER", "FAILED", all_fail, "onBlocked: CONTINUE", again(**AGAIN), recovered),
    Row("FAILOVER", "BLOCKED", target_untagged, "onBlocked: CONTINUE", again(**AGAIN), other_recovered),
    Row("FAILOVER", "CANCELLED", cancelled_at("WatchJobs"), "before you start", looked_and_again, recovered),
    Row("DRILL", "COMPLETED", nothing, "as before again", ready, drilled),
    Row("DRILL", "COMPLETED_WITH_FAILURES", one_fails, "drill again", again("DRILL"), drilled),
    Row("DRILL", "FAILED", all_fail, "drill again", again("DRILL"), drilled),
    Row("DRILL", "CANCELLED", cancelled_at("WatchJobs"), "drill again", again("DRILL"), drilled),
    Row("FAILBACK", "COMPLETED", nothing, "Point users to the origin", ready, back),
    Row("FAILBACK", "COMPLETED_WITH_FAILURES", one_fails, "start the failback again", BACK, back),
    Row("FAILBACK", "FAILED", all_fail, "start the failback again", again("FAILBACK"), back),
    Row("FAILBACK", "BLOCKED", original_protected, "onBlocked: CONTINUE", BACK, other_back),
    Row(
        "FAILBACK",
        "CANCELLED",
        cancelled_at("WatchReplication", "back"),
        "failback again",
        again("FAILBACK"),
        back,
    ),
)
NO_OUTCOME = {"RUNNING"}
"""What the report of a dry run says while it is under way."""


def test_each_outcome_has_its_row() -> None:
    common, own = next_steps._NEXT_STEPS, next_steps._NEXT_STEPS_IN_MODE
    said = {("FAILOVER", status) for status in common} | {
        (mode, status) for mode, steps in own.items() for status in steps
    }
    assert {(row.mode, row.status) for row in ROWS} == {one for one in said if one[1] not in NO_OUTCOME}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.mode}-{row.status}")
def test_what_the_report_says_comes_next_makes_things_better(row: Row) -> None:
    # With some left to recover, a wave that does not end with the first failure.
    waves = (wave("all", onFailure="CONTINUE" if row.status == "COMPLETED_WITH_FAILURES" else "STOP"),)
    no_retry = {"retries": 0}
    if row.mode == "FAILBACK":
        with away(*GROUPS, waves=waves, policies=no_retry) as (here, _):
            row.arises(here)
            _followed(here, row, fail_back(here))
        return
    with stage(*GROUPS, waves=waves, policies=no_retry) as here:
        row.arises(here)
        _followed(here, row, here.run("first", mode=row.mode))


def _followed(here: Stage, row: Row, run: Run) -> None:
    assert run.status == row.status, run.summary
    assert row.says in " ".join(run.summary.split("## Next", 1)[1].split())
    row.better(here, row.follow(here, run))
