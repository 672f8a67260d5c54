"""Executions that people control: pause, resume, skip, retry, cancel, approve and reject."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.workflows.control_messages import begin, event, message, on, refused, send
from tests.workflows.stage import Stage, group, issue, stage, wave

WAVES = [wave("data"), wave("web", "data")]
GROUPS = [group("db", "data"), group("web", "web")]
ORDERS = pytest.mark.parametrize("order", ["TOGETHER", "BY_WAVE"])


def two(order: str = "TOGETHER", *groups: dict[str, Any], **more: Any) -> Any:
    return stage(*(groups or GROUPS), **{"waves": WAVES, "policies": {"launchOrder": order}, **more})


def jobs(here: Stage, server: str) -> int:
    return len(here.jobs_of(server))


# --- pause and resume


@ORDERS
def test_paused_at_once_nothing_begins_until_it_is_resumed(order: str) -> None:
    with two(order) as here:
        before = here.world()
        arn = begin(here, ("PAUSE", {}))
        here.cloud.advance(3 * 3600)
        assert here.cloud.result(arn).status == "RUNNING"
        assert here.world() == before
        send(here, "RESUME")
        run = here.wait(arn)
        assert run.status == "COMPLETED"
        assert [said["action"] for said in run.report["controls"]] == ["PAUSE", "RESUME"]
        assert "the database team checks first" in run.summary


@ORDERS
def test_between_waves_what_has_begun_goes_on(order: str) -> None:
    with two(order) as here:
        # In TOGETHER both launch; in BY_WAVE only the first does.
        on(here, "StartInstances", lambda: send(here, "PAUSE", when="NEXT_WAVE"), "data")
        arn = here.start()
        here.cloud.advance(3600)
        assert here.instances()[here.target("db")]["state"] == "running"
        assert here.instances()[here.target("web")]["state"] == "stopped"
        assert jobs(here, "web") == (1 if order == "TOGETHER" else 0)
        send(here, "RESUME")
        assert here.wait(arn).status == "COMPLETED"


@ORDERS
def test_before_a_wave_only_that_wave_is_paused(order: str) -> None:
    with two(order, waves=[wave("data"), wave("web")]) as here:
        arn = begin(here, ("PAUSE", {"before": "web"}))
        here.cloud.advance(3600)
        assert here.instances()[here.target("db")]["state"] == "running"
        assert jobs(here, "web") == 0
        send(here, "RESUME")
        assert here.wait(arn).status == "COMPLETED"


def test_a_pause_in_the_midst_of_the_launch_lets_the_jobs_end_and_starts_nothing() -> None:
    with two() as here:
        arn = here.start()
        here.cloud.wait_until(lambda: jobs(here, "db") > 0)
        send(here, "PAUSE")
        here.cloud.advance(7200)
        assert {job["status"] for job in here.drs_state()["jobs"]} == {"COMPLETED"}
        assert {here.instances()[here.target(name)]["state"] for name in here.servers} == {"stopped"}
        send(here, "RESUME")
        assert here.wait(arn).status == "COMPLETED"


def test_a_pause_that_races_with_the_start_of_a_job_neither_loses_nor_doubles_it() -> None:
    """The message comes when StartRecovery was called and has not answered yet."""
    with two() as here:
        here.cloud.functions.takes("StartRecoveryFunction", 5)
        on(here, "StartRecovery", lambda: here.cloud.clock.call_later(2, lambda: send(here, "PAUSE")))
        arn = here.start()
        here.cloud.advance(3600)
        send(here, "RESUME")
        run = here.wait(arn)
        assert run.status == "COMPLETED"
        assert [jobs(here, name) for name in ("db", "web")] == [1, 1]


def test_each_pause_ends_by_its_own_name() -> None:
    with two() as here:
        arn = begin(here, ("PAUSE", {}))
        first, second = send(here, "PAUSE"), send(here, "PAUSE", by="bo")
        assert first["id"] != second["id"]
        send(here, "RESUME", pause=first["id"])
        here.cloud.advance(3600)
        assert here.drs_state()["jobs"] == []
        assert "is no pause" in refused(here, "RESUME", pause=first["id"])
        send(here, "RESUME", pause=second["id"])
        assert here.wait(arn).status == "COMPLETED"


def test_the_notification_of_a_pause_says_who_why_and_how_to_resume() -> None:
    with two() as here:
        arn = begin(here, ("PAUSE", {}))
        answer = send(here, "PAUSE")
        reported = here.cloud.notifications[-1]
        assert reported["subject"] == "shop: paused by ana"
        for part in ("the database team checks first", answer["toResume"], "aws lambda invoke"):
            assert part in reported["message"]
        payload = answer["toResume"].split("<<< '")[1].split("'")[0]
        asked = json.loads(payload)
        assert (asked["action"], asked["pause"]) == ("RESUME", answer["id"])
        here.call("ControlExecutionFunction", {**asked, "now": here.cloud.clock.now().isoformat()})
        assert here.wait(arn).status == "COMPLETED"


# --- messages that come twice, late or wrong


def test_a_message_that_comes_twice_is_answered_twice_and_done_once() -> None:
    with two() as here:
        arn = begin(here, ("PAUSE", {"id": "m-1"}))
        first = send(here, "PAUSE", id="m-1")
        assert send(here, "PAUSE", id="m-1") == first
        assert here.subjects().count("shop: paused by ana") == 1
        assert "is the id of another message" in refused(here, "RESUME", id="m-1")
        send(here, "RESUME", id="m-2")
        # One that comes late, after the resume, pauses nothing any more.
        assert send(here, "PAUSE", id="m-1") == first
        run = here.wait(arn)
        assert run.status == "COMPLETED"
        assert [said["id"] for said in run.report["controls"]] == ["m-1", "m-2"]
        assert send(here, "PAUSE", id="m-1") == first


def test_a_message_without_an_id_has_its_effect_once() -> None:
    with two() as here:
        arn = begin(here, ("PAUSE", {}))
        assert send(here, "PAUSE") == send(here, "PAUSE")
        send(here, "RESUME")
        assert send(here, "PAUSE")["id"] != "0001"
        send(here, "CANCEL")
        assert send(here, "CANCEL")["id"] == "0004"
        assert here.wait(arn).status == "CANCELLED"


def test_a_message_to_what_is_unknown_or_has_ended_says_what_to_do() -> None:
    with two() as here:
        assert "No execution 'run' is known" in refused(here, "PAUSE")
        here.run()
        text = refused(here, "PAUSE")
        assert "has ended: COMPLETED" in text
        assert "RETRY" in text
        assert "No server of run failed or was skipped" in refused(here, "RETRY")


def test_an_event_can_delay_things_and_nothing_else() -> None:
    with two() as here:
        arn = here.start(approval="REQUIRED")
        here.cloud.wait_until(lambda: "shop: approval needed" in here.subjects())
        detail = message(here, "PAUSE")
        del detail["now"]
        assert here.call("ControlExecutionFunction", event(detail))["id"] == "e-1"
        for forbidden in (
            {"action": "APPROVE"},
            {"action": "RESUME"},
            {"action": "CANCEL", "launched": "UNDO"},
        ):
            sent = json.dumps(event({**detail, **forbidden})).encode()
            payload, failed = here.cloud.functions.invoke("ControlExecutionFunction", sent)
            assert failed
            assert "for people" in json.loads(payload)["errorMessage"]
        cancelled = event({**detail, "action": "CANCEL"}, "e-2")
        here.call("ControlExecutionFunction", cancelled)
        run = here.wait(arn)
        assert run.status == "CANCELLED"
        assert [said["byEvent"] for said in run.report["controls"]] == [True, True]


# --- approvals


def test_an_approval_by_message_goes_on_and_is_recorded() -> None:
    with two() as here:
        arn = here.start(approval="REQUIRED")
        here.cloud.wait_until(lambda: "shop: approval needed" in here.subjects())
        assert '"action": "APPROVE"' in here.cloud.notifications[-1]["message"]
        said: list[str] = []
        assert send(here, "APPROVE") == send(here, "APPROVE")
        on(here, "DiscoverServers", lambda: said.append(refused(here, "REJECT")))
        run = here.wait(arn)
        assert "ana has approved it" in said[0]
        assert run.status == "COMPLETED"
        assert [(reported["action"], reported["by"]) for reported in run.report["controls"]] == [
            ("APPROVE", "ana")
        ]


def test_a_rejection_by_message_cancels_with_name_and_reason() -> None:
    with two() as here:
        before = here.world()
        arn = here.start(approval="REQUIRED")
        here.cloud.wait_until(lambda: "shop: approval needed" in here.subjects())
        send(here, "REJECT")
        assert "ana has rejected it" in refused(here, "APPROVE")
        run = here.wait(arn)
        assert run.status == "CANCELLED"
        assert run.report["reason"] == "ApprovalRejected: ana: the database team checks first"
        assert here.world() == before


# --- skip


@ORDERS
@pytest.mark.parametrize(("dependents", "web"), [("CONTINUE", "RECOVERED"), ("SKIP", "SKIPPED")])
def test_a_skipped_wave_and_those_that_depend_on_it(order: str, dependents: str, web: str) -> None:
    with two(order) as here:
        arn = begin(here, ("PAUSE", {}))
        send(here, "SKIP", wave="data", dependents=dependents)
        send(here, "RESUME")
        run = here.wait(arn)
        assert run.outcomes == {"db": "SKIPPED", "web": web}
        assert "ana had the wave skipped: the database team" in run.server("db")["reason"]
        assert run.status == ("COMPLETED_WITH_FAILURES" if web == "RECOVERED" else "FAILED")
        assert jobs(here, "db") == 0


@ORDERS
def test_skipped_servers_are_not_launched_and_the_others_go_on(order: str) -> None:
    with two(order, group("db", "data", count=3), group("web", "web")) as here:
        arn = begin(here, ("PAUSE", {}))
        send(here, "SKIP", servers=["db-1", here.source("db-2")])
        send(here, "RESUME")
        run = here.wait(arn)
        outcomes = {"db-1": "SKIPPED", "db-2": "SKIPPED", "db-3": "RECOVERED", "web": "RECOVERED"}
        assert run.outcomes == outcomes
        assert [jobs(here, name) for name in ("db-1", "db-2", "db-3")] == [0, 0, 1]
        assert run.status == "COMPLETED_WITH_FAILURES"


def test_a_server_skipped_after_its_launch_is_not_started() -> None:
    with two() as here:
        on(here, "StartInstances", lambda: send(here, "SKIP", servers=["web"]), "data")
        run = here.run()
        assert run.outcomes == {"db": "RECOVERED", "web": "SKIPPED"}
        assert here.instances()[here.target("web")]["state"] == "stopped"
        assert "was not started" in run.server("web")["remedy"]


def test_what_has_begun_to_start_cannot_be_skipped() -> None:
    with two() as here:
        said: list[str] = []

        def late() -> None:
            said.append(refused(here, "SKIP", wave="data"))
            said.append(refused(here, "PAUSE", before="data"))
            said.append(refused(here, "SKIP", wave="dat"))
            said.append(refused(here, "SKIP", servers=["dbx"]))

        on(here, "VerifyInstances", late, "data")
        assert here.run().status == "COMPLETED"
        assert ["starting its instances" in text for text in said[:2]] == [True, True]
        assert "Write 'data'." in said[2]
        assert "Write 'db'." in said[3]


# --- retry


@ORDERS
def test_a_retry_takes_what_failed_and_was_skipped_and_leaves_the_rest_alone(order: str) -> None:
    broken = issue("targetDoesNotStart")
    with two(order, group("db", "data"), group("odd", "data", **broken), group("web", "web")) as here:
        run = here.run()
        assert run.outcomes == {"db": "RECOVERED", "odd": "FAILED", "web": "SKIPPED"}
        running = here.instances()[here.target("db")]
        here.cloud.ec2.clear_faults()
        first = send(here, "RETRY")
        assert send(here, "RETRY") == first
        assert first["retry"] == "run-retry"
        arn = here.start("other", dryRun=True).replace(":other", ":run-retry")
        again = here.wait(arn)
        assert again.outcomes == {"odd": "RECOVERED", "web": "RECOVERED"}
        assert again.status == "COMPLETED"
        assert again.report["executionId"] == "run-retry"
        assert here.instances()[here.target("db")] == running
        assert jobs(here, "db") == 1


def test_a_running_execution_is_not_retried() -> None:
    with two() as here:
        arn = begin(here, ("PAUSE", {}))
        assert "does not wait for an approval" in refused(here, "APPROVE")
        text = refused(here, "RETRY")
        assert "still runs" in text
        assert '"action": "CANCEL"' in text
        send(here, "RESUME")
        here.wait(arn)


def test_a_request_can_be_limited_to_servers_by_hand() -> None:
    with two() as here:
        run = here.run(servers=["db"])
        assert run.outcomes == {"db": "RECOVERED"}
        assert run.status == "COMPLETED"
        assert jobs(here, "web") == 0


# --- cancel


@ORDERS
def test_cancelled_before_anything_was_launched_all_is_as_before(order: str) -> None:
    with two(order) as here:
        before = here.world()
        run = here.wait(begin(here, ("CANCEL", {})))
        assert run.status == "CANCELLED"
        assert run.report["reason"] == "ExecutionCancelled: ana: the database team checks first"
        assert set(run.outcomes.values()) == {"SKIPPED"}
        assert here.world() == before


@ORDERS
def test_cancelled_and_left_jobs_end_and_nothing_starts(order: str) -> None:
    with two(order) as here:
        before = here.world()
        arn = here.start()
        here.cloud.wait_until(lambda: jobs(here, "db") > 0)
        send(here, "CANCEL")
        run = here.wait(arn)
        assert run.status == "CANCELLED"
        assert run.outcomes == {"db": "SKIPPED", "web": "SKIPPED"}
        here.cloud.advance(60)  # a job ends a moment after its last launch
        assert {job["status"] for job in here.drs_state()["jobs"]} == {"COMPLETED"}
        assert here.instances()[here.target("db")]["state"] == "stopped"
        if order == "BY_WAVE":
            assert here.world()["launch"][here.source("web")] == before["launch"][here.source("web")]


@ORDERS
def test_cancelled_and_undone_targets_and_settings_are_as_before(order: str) -> None:
    with two(order) as here:
        before = here.world()
        on(here, "StartInstances", lambda: send(here, "CANCEL", launched="UNDO"), "data")
        run = here.run()
        assert run.status == "CANCELLED"
        after = here.world()
        assert after["recovery"] == before["recovery"]
        assert after["launch"] == before["launch"]
        assert after["recoveryInstances"] == []
        assert run.server("db")["cleanedUp"] is True
        assert here.pairs() == {}


def test_an_undo_leaves_recovered_servers_alone_unless_the_plan_is_named() -> None:
    with two() as here:
        before = here.world()
        on(here, "CloseWave", lambda: send(here, "PAUSE"), "data")
        arn = here.start()
        here.cloud.advance(3600)
        assert "is not the name of its plan" in refused(here, "CANCEL", launched="UNDO", confirm="shp")
        send(here, "CANCEL", launched="UNDO")
        run = here.wait(arn)
        assert run.outcomes == {"db": "RECOVERED", "web": "SKIPPED"}
        assert here.instances()[here.target("db")]["state"] == "running"
        assert here.instances()[here.target("web")] == before["recovery"][here.target("web")]


def test_a_confirmed_undo_puts_recovered_servers_back_and_terminates_nothing() -> None:
    with two() as here:
        before = here.world()
        on(here, "CloseWave", lambda: send(here, "PAUSE"), "data")
        arn = here.start()
        here.cloud.advance(3600)
        send(here, "CANCEL", launched="UNDO", confirm="shop")
        run = here.wait(arn)
        assert run.status == "CANCELLED"
        after = here.world()
        assert after["recovery"] == before["recovery"]
        assert after["launch"] == before["launch"]
        assert {pair["workloadSide"] for pair in here.pairs().values()} == {"ORIGIN"}
        assert here.run("again").status == "COMPLETED"


def test_a_drill_that_is_cancelled_is_cleaned_up_as_any_other() -> None:
    with two() as here:
        before = here.world()
        on(here, "StartInstances", lambda: send(here, "CANCEL"), "data")
        run = here.run(mode="DRILL")
        assert run.status == "CANCELLED"
        assert here.world()["recovery"] == before["recovery"]
        assert here.world()["launch"] == before["launch"]
