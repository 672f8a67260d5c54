"""How executions start and are refused: approval, events, dry runs, rivals, and bad requests."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflows.control_messages import decide, send
from tests.workflows.stage import Run, Stage, group, issue, stage, wave


def asked(here: Stage, arn: str) -> dict[str, Any]:
    """Waits until the operators are asked; gives the question."""
    questions: list[dict[str, Any]] = []
    here.cloud.on_function("RequestApprovalFunction", questions.append)
    here.cloud.wait_until(lambda: bool(questions))
    here.cloud.advance(30)
    assert here.cloud.result(arn).status == "RUNNING"
    return questions[0]


# --- approval


def test_an_approved_execution_goes_on_and_changes_nothing_before() -> None:
    with stage() as here:
        before = here.world()
        arn = here.start(approval="REQUIRED", reason="storm", requestedBy="anna@example.com")
        question_of = asked(here, arn)
        assert here.world() == before
        question = here.cloud.notifications[-1]
        assert question["subject"] == "shop: approval needed"
        assert question_of["taskToken"] not in question["message"], "nothing that decides is mailed"
        assert "send-task" not in question["message"]
        assert "storm" in question["message"]
        assert "anna@example.com" in question["message"]
        decide(here, question_of)
        assert here.wait(arn).status == "COMPLETED"


def test_a_rejected_execution_is_cancelled_with_the_reason_given() -> None:
    with stage() as here:
        before = here.world()
        arn = here.start(approval="REQUIRED")
        asked(here, arn)
        send(here, "REJECT", reason="Not today.")
        run = here.wait(arn)
        assert run.status == "CANCELLED"
        assert run.result.error == "ExecutionCancelled"
        assert run.report["reason"] == "ApprovalRejected: ana: Not today."
        assert here.world() == before


def test_without_an_answer_it_is_cancelled_after_four_hours_and_is_asked_once() -> None:
    with stage() as here:
        run = here.run(approval="REQUIRED")
        assert run.status == "CANCELLED"
        assert run.report["reason"].startswith("ApprovalExpired")
        assert run.report["durationSeconds"] == pytest.approx(14_400, abs=60)
        assert here.subjects().count("shop: approval needed") == 1
        assert here.subjects()[-1] == "shop: failover cancelled"


def test_an_approval_that_the_plan_demands_cannot_be_waived_by_the_request() -> None:
    with stage(policies={"approval": "REQUIRED"}) as here:
        arn = here.start(approval="NOT_REQUIRED")
        decide(here, asked(here, arn))
        assert here.wait(arn).status == "COMPLETED"


# --- aborted


def delayed_at(here: Stage, function: str) -> None:
    """Waits until a function is called; it is throttled for some seconds."""
    called: list[bool] = []
    here.cloud.fail_function(f"{function}Function", error="ThrottledError", times=5)
    here.cloud.on_function(f"{function}Function", lambda event: called.append(True))
    here.cloud.wait_until(lambda: bool(called))


def test_an_aborted_execution_is_closed_with_report_locks_and_settings() -> None:
    waves = [wave("data"), wave("web", "data")]
    groups = [group("db", "data"), group("web", "web")]
    with stage(*groups, waves=waves, policies={"launchOrder": "BY_WAVE"}) as here:
        before = here.world()
        arn = here.start()
        here.cloud.wait_until(lambda: bool(here.jobs_of("db")))
        here.cloud.stop(arn, error="Operator", cause="Wrong plan.")
        assert here.cloud.result(arn).status == "ABORTED"
        assert here.locks() != {}
        children = here.cloud.result(arn).children
        here.close_aborted(arn)
        here.cloud.advance(600)
        assert {child.status for child in children} == {"ABORTED"}
        run = here.read(here.cloud.result(arn))
        here.check_rules(run)
        assert run.status == "CANCELLED"
        assert "Wrong plan." in run.report["reason"]
        assert run.outcomes == {"db": "FAILED", "web": "SKIPPED"}
        assert run.server("db")["jobId"] in run.server("db")["remedy"]
        assert here.launch_settings("web")["launchDisposition"] == "STARTED"
        assert here.world()["launch"][here.source("web")] == before["launch"][here.source("web")]
        assert here.subjects()[-1] == "shop: failover cancelled"


def test_settings_are_put_back_when_it_is_aborted_before_any_launch() -> None:
    with stage() as here:
        here.cloud.event_delivery.withheld.add("aws.states")
        before = here.world()
        arn = here.start()
        delayed_at(here, "StopTargets")
        here.cloud.stop(arn)
        here.cloud.advance(60)
        assert here.drs_state()["jobs"] == []
        assert here.world()["launch"] != before["launch"]
        here.close_aborted(arn)
        assert here.world() == before
        run = here.read(here.cloud.result(arn))
        here.check_rules(run)
        assert run.status == "CANCELLED"
        assert run.report["findings"] == []


def test_a_second_event_about_an_abort_changes_nothing_any_more() -> None:
    with stage(group("app")) as here:
        arn = here.start(approval="REQUIRED")
        asked(here, arn)
        here.cloud.stop(arn)
        here.close_aborted(arn)
        first = here.read(here.cloud.result(arn))
        here.close_aborted(arn)
        assert here.read(here.cloud.result(arn)).report == first.report


def test_an_execution_that_ran_out_of_time_is_failed() -> None:
    with stage(group("app")) as here:
        arn = here.start(approval="REQUIRED")
        asked(here, arn)
        here.cloud.stop(arn)
        here.close_aborted(arn, status="TIMED_OUT")
        run = here.read(here.cloud.result(arn))
        here.check_rules(run)
        assert run.status == "FAILED"
        assert "ExecutionTimedOut" in run.report["reason"]


# --- events


def declared(here: Stage, **detail: Any) -> dict[str, Any]:
    """The event that declares a disaster."""
    return {
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "source": "drs-orchestrator.dr",
        "detail-type": "Disaster Declared",
        "account": "999988887777",
        "time": here.cloud.clock.now().isoformat(),
        "region": "us-east-1",
        "resources": [],
        "detail": {"plan": "shop", "reason": "us-east-1 is unavailable", **detail},
    }


def only_execution(here: Stage) -> str:
    [arn] = [arn for arn, record in here.cloud.states.records.items() if record.machine == "failover"]
    return arn


def test_an_event_starts_a_stored_plan_once_and_waits_for_approval() -> None:
    with stage() as here:
        here.store_plan()
        event = declared(here)
        first = here.call("StartFromEventFunction", event)
        second = here.call("StartFromEventFunction", event)
        assert first["started"] is True
        assert first["executionName"] == second["executionName"]
        arn = only_execution(here)
        decide(here, asked(here, arn))
        assert here.wait(arn).status == "COMPLETED"
        assert here.call("StartFromEventFunction", event)["started"] is False
        assert only_execution(here) == arn


def test_an_event_needs_no_approval_if_the_plan_asks() -> None:
    with stage(policies={"approval": "NOT_REQUIRED"}) as here:
        here.store_plan()
        here.call("StartFromEventFunction", declared(here))
        assert here.wait(only_execution(here)).status == "COMPLETED"
        assert "shop: approval needed" not in here.subjects()


# --- dry run


def test_a_dry_run_reports_what_would_be_done_and_changes_nothing() -> None:
    waves = [wave("data"), wave("web", "data")]
    groups = [group("db", "data"), group("web", "web", count=2), group("odd", "web", **issue("noTarget"))]
    with stage(*groups, waves=waves, policies={"approval": "REQUIRED"}) as here:
        before = here.world()
        run = here.run(dryRun=True, onBlocked="CONTINUE")
        assert run.status == "COMPLETED"
        assert run.report["dryRun"] is True
        assert here.world() == before
        plan = run.report["planOfAction"]["waves"]
        assert [part["name"] for part in plan] == ["data", "web"]
        assert plan[1]["startsAfter"] == ["data"]
        assert [job["servers"] for part in plan for job in part["jobs"]] == [["db"], ["web-1", "web-2"]]
        assert run.report["estimateSeconds"] > 0
        assert run.server("odd")["status"] == "BLOCKED"
        assert run.server("odd")["remedy"]
        assert "Plan of action" in run.summary
        assert here.cloud.calls["drs", "StartRecovery"] == 0
        assert here.subjects() == ["shop: dry run started", "shop: dry run completed"]


def test_a_dry_run_is_welcome_while_the_plan_runs() -> None:
    with stage() as here:
        first = here.start("first")
        here.cloud.wait_until(lambda: bool(here.drs_state()["jobs"]))
        dry = here.run("dry", dryRun=True)
        assert dry.status == "BLOCKED"  # as the real one would be
        assert "first" in str(dry.server("app-1")["reason"])
        assert here.wait(first).status == "COMPLETED"


# --- rivals


def test_a_plan_that_runs_already_is_refused_with_the_failover() -> None:
    with stage() as here:
        first = here.start("first")
        here.cloud.wait_until(lambda: bool(here.drs_state()["jobs"]))
        locks = here.locks()
        second = here.run("second")
        assert second.status == "FAILED"
        assert "ExecutionInProgressError" in second.report["reason"]
        assert "The failover first of plan 'shop' has been under way" in second.report["reason"]
        assert '"action": "CANCEL"' in second.report["reason"]
        assert here.locks() == locks
        assert here.wait(first).status == "COMPLETED"


def other_plan(here: Stage) -> dict[str, Any]:
    """A plan of another name that wants the same servers."""
    return {**here.plan, "name": "rival"}


def test_a_server_of_another_execution_is_blocked_and_its_holder_named() -> None:
    with stage() as here:
        first = here.start("first")
        here.cloud.wait_until(lambda: bool(here.drs_state()["jobs"]))
        second = here.wait(here.cloud.start("failover", {"plan": other_plan(here)}, name="second"))
        assert second.status == "BLOCKED"
        assert "SERVER_LOCKED" in second.codes("app-1")
        assert "first" in second.server("app-1")["reason"]
        assert here.wait(first).status == "COMPLETED"
        assert len(here.drs_state()["jobs"]) == 1


@pytest.mark.parametrize("on_blocked", ["STOP", "CONTINUE"])
def test_two_plans_that_reach_for_a_server_at_the_same_moment(on_blocked: str) -> None:
    """Both pass the checks; the locks decide."""
    with stage() as here:
        arns = [
            here.cloud.start("failover", {"plan": plan, "onBlocked": on_blocked}, name=plan["name"])
            for plan in (here.plan, other_plan(here))
        ]
        winner, loser = (here.wait(arn) for arn in arns)
        assert winner.status == "COMPLETED"
        assert loser.status == "BLOCKED"
        assert set(loser.outcomes.values()) == {"BLOCKED"}
        assert "LOCKED_BY_EXECUTION" in loser.codes("app-1")
        assert "shop" in loser.server("app-1")["reason"]
        assert len(here.drs_state()["jobs"]) == 1


def test_the_locks_of_a_dead_execution_are_taken_over() -> None:
    """Step Functions stopped it, and no execution has cleaned up after it."""
    with stage() as here:
        here.cloud.event_delivery.withheld.add("aws.states")
        first = here.start("first")
        delayed_at(here, "ConfigureLaunch")
        here.cloud.stop(first)
        here.cloud.advance(60)
        assert set(here.locks().values()) == {"first"}
        assert len(here.locks()) == 1 + len(here.servers)
        second = here.run("second")
        assert second.status == "COMPLETED"
        assert here.locks() == {}


# --- bad requests


def refused(here: Stage, request: dict[str, Any]) -> Run:
    run = here.wait(here.cloud.start("failover", request, name="refused"))
    assert run.status == "FAILED"
    assert run.report["servers"] == []
    assert here.locks() == {}
    return run


def test_a_bad_request_is_refused_with_every_problem_and_a_report() -> None:
    with stage(group("app")) as here:
        bad = {**here.plan, "policies": {"launchOrder": "bywave", "retries": -1}}
        run = refused(here, {"plan": bad, "dryRun": "yes", "mood": "good"})
        for part in ("launchOrder", "retries", "dryRun", "mood"):
            assert part in run.report["reason"]
        assert "BY_WAVE" in run.report["reason"]
        assert run.report["reason"] in run.summary
        assert here.subjects()[-1].endswith("failed")


def test_a_plan_that_is_not_stored_is_refused_with_those_that_are() -> None:
    with stage(group("app")) as here:
        here.store_plan()
        run = refused(here, {"plan": "shopp"})
        assert "No plan 'shopp'" in run.report["reason"]
        assert "shop" in run.report["reason"].split("Stored plans:")[1]


@pytest.mark.parametrize("request_", [{}, {"plan": "shop", "mode": "PRACTICE"}])
def test_other_bad_requests(request_: dict[str, Any]) -> None:
    with stage(group("app")) as here:
        run = refused(here, request_)
        assert "RequestInvalidError" in run.report["reason"]


def test_a_plan_that_selects_nothing_reports_it() -> None:
    with stage(group("app")) as here:
        plan = {**here.plan, "waves": [{"name": "all", "servers": {"names": ["nothing*"]}}]}
        run = here.wait(here.cloud.start("failover", {"plan": plan}, name="empty"))
        assert run.status == "BLOCKED"
        assert "selects no server" in run.report["reason"]
        assert "dr:enabled" in run.report["remedy"]
