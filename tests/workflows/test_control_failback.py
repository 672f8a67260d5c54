"""Failbacks under control: a cutover is paused, and a cancelled one leaves each server on one side."""

from __future__ import annotations

from tests.local.simulation.world import ORIGIN
from tests.workflows.control_messages import WHO, begin_failback, on, refused, send
from tests.workflows.failback_stage import away, back, sides, still_away
from tests.workflows.stage import Stage


def untouched(here: Stage) -> None:
    """Every workload runs on the recovery side, and nothing was launched at the origin."""
    assert {sides(here, name)[1] for name in here.servers} == {"running"}
    assert here.drs_state(ORIGIN)["jobs"] == []


def test_paused_before_the_cutover_the_workload_runs_on_and_replicates() -> None:
    with away() as (here, before):
        arn = begin_failback(here, ("PAUSE", {"when": "NEXT_WAVE"}))
        here.cloud.advance(6 * 3600)
        untouched(here)
        assert here.cloud.result(arn).status == "RUNNING"
        send(here, "RESUME", "back")
        back(here, before, here.wait(arn))


def test_a_pause_before_one_wave_stops_a_cutover_that_quiesces_all() -> None:
    quiesce = [{"document": "AWS-RunShellScript", "parameters": {"commands": ["sync"]}}]
    with away(policies={"failback": {"quiesce": quiesce}}) as (here, before):
        arn = begin_failback(here, ("PAUSE", {"before": "all"}))
        here.cloud.advance(6 * 3600)
        assert here.cloud.calls["ssm", "SendCommand"] == 0
        send(here, "RESUME", "back")
        back(here, before, here.wait(arn))


def test_a_cutover_is_approved_by_message() -> None:
    with away(policies={"failback": {"approval": "REQUIRED"}}) as (here, before):
        arn = here.start("back", mode="FAILBACK")
        here.cloud.wait_until(lambda: "shop: approval of the cutover needed" in here.subjects())
        send(here, "APPROVE", "back")
        back(here, before, here.wait(arn))


def test_cancelled_during_replication_nothing_is_cut_over() -> None:
    with away() as (here, before):
        on(here, "WatchReplication", lambda: send(here, "CANCEL", "back"))
        run = here.run("back", mode="FAILBACK")
        assert run.status == "CANCELLED"
        untouched(here)
        back(here, before, here.run("again", mode="FAILBACK"))


def test_cancelled_in_the_midst_of_the_cutover_workloads_go_on_where_they_were() -> None:
    with away() as (here, before):
        on(here, "WatchJobs", lambda: send(here, "CANCEL", "back"))
        run = here.run("back", mode="FAILBACK")
        assert run.status == "CANCELLED"
        assert set(run.outcomes.values()) == {"SKIPPED"}
        for name in here.servers:
            still_away(here, name)
        back(here, before, here.run("again", mode="FAILBACK"))


def test_what_returned_before_a_cancellation_stays_and_is_protected_by_the_next_failback() -> None:
    with away() as (here, before):
        said: list[str] = []

        def cancel() -> None:
            said.append(refused(here, "CANCEL", "back", launched="UNDO", confirm="shop"))
            send(here, "CANCEL", "back", launched="UNDO")

        on(here, "Reprotect", cancel)
        run = here.run("back", mode="FAILBACK")
        assert "are not sent back" in said[0]
        assert run.status == "CANCELLED"
        assert set(run.outcomes.values()) == {"RECOVERED"}
        assert {run.server(name)["protection"] for name in here.servers} == {"UNPROTECTED"}
        back(here, before, here.run("again", mode="FAILBACK"))


QUIESCE = [{"document": "AWS-RunShellScript", "parameters": {"commands": ["sync"]}}]


def test_a_pause_after_the_approval_keeps_the_workload_writing() -> None:
    """The pause stands before the first command of quiesce, which has begun."""
    policies = {"failback": {"approval": "REQUIRED", "quiesce": QUIESCE}}
    with away(policies=policies) as (here, before):
        arn = here.start("back", mode="FAILBACK")
        here.cloud.wait_until(lambda: "shop: approval of the cutover needed" in here.subjects())
        send(here, "PAUSE", "back", when="NEXT_WAVE")
        send(here, "APPROVE", "back")
        here.cloud.advance(6 * 3600)
        assert here.cloud.calls["ssm", "SendCommand"] == 0
        untouched(here)
        send(here, "RESUME", "back")
        back(here, before, here.wait(arn))


def test_cancelled_while_it_quiesces_nothing_is_cut_over() -> None:
    with away(policies={"failback": {"quiesce": QUIESCE}}) as (here, before):
        on(here, "QuiesceWorkloads", lambda: send(here, "CANCEL", "back"))
        run = here.run("back", mode="FAILBACK")
        assert run.status == "CANCELLED"
        assert WHO["by"] in run.report["reason"]
        untouched(here)
        back(here, before, here.run("again", mode="FAILBACK"))
