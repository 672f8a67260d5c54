"""A failed execution that is redriven from the console goes on where it stopped, under its own record."""

from __future__ import annotations

import pytest

from tests.workflows.control_messages import refused, send
from tests.workflows.failback_stage import away, back, one_side
from tests.workflows.killing import send_end
from tests.workflows.stage import Run, Stage, group, issue, stage, wave

WAVES = [wave("data"), wave("web", "data")]


def redrive(here: Stage, arn: str) -> None:
    here.cloud.client("stepfunctions").redrive_execution(executionArn=arn)


def attempt(here: Stage, arn: str, number: int) -> Run:
    """Waits for the end of a redriven execution; the report of that attempt."""
    result = here.cloud.wait(arn)
    run = here.read(result, f"{arn.rsplit(':', 1)[-1]}-redrive-{number}")
    here.check_rules(run)
    return run


@pytest.mark.parametrize("order", ["TOGETHER", "BY_WAVE"])
def test_a_failed_failover_takes_over_what_was_done_and_launches_nothing_twice(order: str) -> None:
    groups = [group("db", "data"), group("odd", "data", **issue("targetDoesNotStart")), group("web", "web")]
    with stage(*groups, waves=WAVES, policies={"launchOrder": order}) as here:
        arn = here.start()
        first = here.wait(arn)
        assert first.outcomes == {"db": "RECOVERED", "odd": "FAILED", "web": "SKIPPED"}
        assert here.close_aborted(arn, status="FAILED") == {"status": "CLOSED"}
        here.cloud.ec2.clear_faults()
        redrive(here, arn)
        again = attempt(here, arn, 1)
        assert again.status == "COMPLETED", again.summary
        assert set(again.outcomes.values()) == {"RECOVERED"}
        assert [len(here.jobs_of(name)) for name in here.servers] == [1, 1, 1]
        assert here.cloud.result(arn).status == "SUCCEEDED"
        assert here.read(here.cloud.result(arn)).report == first.report


def test_what_fails_again_can_be_redriven_again() -> None:
    with stage() as here:
        here.cloud.fail_function("DiscoverServersFunction", error="Boom", times=2)
        arn = here.start(reason="storm")
        assert here.wait(arn).status == "FAILED"
        redrive(here, arn)
        assert attempt(here, arn, 1).status == "FAILED"
        assert here.cloud.result(arn).status == "FAILED"
        redrive(here, arn)
        run = attempt(here, arn, 2)
        assert run.status == "COMPLETED"
        assert here.execution_item("run-redrive-2")["request"]["reason"] == "storm"


def test_a_redriven_execution_is_controlled_and_keeps_its_locks_under_its_own_name() -> None:
    with stage() as here:
        here.cloud.fail_function("DiscoverServersFunction", error="Boom")
        arn = here.start()
        here.wait(arn)
        redrive(here, arn)
        here.cloud.wait_until(lambda: bool(here.drs_state()["jobs"]))
        assert set(here.locks().values()) == {"run-redrive-1"}
        assert "has ended" in refused(here, "PAUSE")
        send(here, "PAUSE", "run-redrive-1")
        rival = here.wait(here.start("rival"))
        assert rival.status == "FAILED"
        assert "run-redrive-1" in rival.report["reason"]
        send(here, "RESUME", "run-redrive-1")
        assert attempt(here, arn, 1).status == "COMPLETED"


def test_a_redriven_execution_that_is_stopped_is_closed_under_its_own_name() -> None:
    with stage() as here:
        here.cloud.fail_function("DiscoverServersFunction", error="Boom")
        arn = here.start()
        first = here.wait(arn)
        redrive(here, arn)
        here.cloud.wait_until(lambda: bool(here.drs_state()["jobs"]))
        here.cloud.stop(arn, cause="Wrong plan.")
        send_end(here, arn)
        here.cloud.advance(600)
        run = here.read(here.cloud.result(arn), "run-redrive-1")
        assert run.status == "CANCELLED"
        assert "Wrong plan." in run.report["reason"]
        assert here.read(here.cloud.result(arn)).report == first.report
        assert here.locks() == {}


def test_an_event_about_an_end_that_was_redriven_since_closes_nothing() -> None:
    with stage() as here:
        arn = here.start()
        here.cloud.wait_until(lambda: bool(here.drs_state()["jobs"]))
        here.cloud.stop(arn)
        late = here.end_event(arn)
        redrive(here, arn)
        assert here.call("CloseAbortedExecutionFunction", late) == {"status": "CLOSED"}
        assert here.locks() != {}


def test_a_failed_failback_goes_on_where_it_stopped() -> None:
    with away() as (here, before):
        here.cloud.fail_function("WatchReplicationFunction", error="Boom")
        arn = here.start("back", mode="FAILBACK")
        assert here.wait(arn).status == "FAILED"
        redrive(here, arn)
        run = attempt(here, arn, 1)
        back(here, before, run)
        assert {one_side(here, name) for name in here.servers} == {"ORIGIN"}


def test_an_approved_failover_that_is_redriven_asks_for_no_second_approval() -> None:
    with stage(group("app")) as here:
        here.cloud.fail_function("DiscoverServersFunction", error="Boom")
        arn = here.start(approval="REQUIRED")
        here.cloud.wait_until(lambda: "shop: approval needed" in here.subjects())
        send(here, "APPROVE")
        assert here.wait(arn).status == "FAILED"
        redrive(here, arn)
        assert attempt(here, arn, 1).status == "COMPLETED"
        assert here.subjects().count("shop: approval needed") == 1
