"""An approval is what an operator has had recorded: a task token alone decides nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial

import pytest

from local.simulation.functions import Disturbance
from local.wire import Answer
from shared.store import execution_store
from tests.workflows.control_messages import message, refused, send
from tests.workflows.failback_stage import away, fail_back, sides
from tests.workflows.stage import Stage, stage

Misuse = Callable[[Stage, str], None]
APPROVAL = {"failback": {"approval": "REQUIRED"}}
ANSWERS: dict[str, Misuse] = {
    "success": lambda here, token: here.cloud.send_task_success(token, {"approvedBy": "the owner"}),
    "what ReadApproval answers": lambda here, token: here.cloud.send_task_success(
        token, {"approved": True, "over": False}
    ),
    "failure": lambda here, token: here.cloud.send_task_failure(token, "ApprovalRejected", "Not today."),
    "a failure that looks like a lack of time": lambda here, token: here.cloud.send_task_failure(
        token, "States.Timeout", ""
    ),
}


def tokens_of(here: Stage) -> list[str]:
    """The tokens of the waits, as they come."""
    tokens: list[str] = []
    here.cloud.on_function("RequestApprovalFunction", lambda event: tokens.append(event["taskToken"]))
    return tokens


def _reached(tokens: list[str], count: int) -> bool:
    return len(tokens) >= count


def test_an_open_approval_is_remembered_after_10_30_and_60_minutes_and_every_hour_until_its_end() -> None:
    with stage() as here:
        run = here.run(approval="REQUIRED")
        assert (run.status, run.report["reason"].split(":")[0]) == ("CANCELLED", "ApprovalExpired")
        asked = [title for title in here.subjects() if "approval needed" in title]
        waited = [f", for {minutes} minutes now" for minutes in (10, 30, 60, 120, 180)]
        assert asked == [f"shop: approval needed{more}" for more in ("", *waited)]


def misused(here: Stage, tokens: list[str], answer: Misuse, times: int = 3) -> None:
    """Another holder of the token answers with it, again and again."""
    for count in range(1, times + 1):
        here.cloud.wait_until(partial(_reached, tokens, count))
        here.cloud.advance(60)
        answer(here, tokens[-1])
        here.cloud.advance(60)


@pytest.mark.parametrize("answer", sorted(ANSWERS))
def test_a_token_alone_neither_starts_nor_cancels(answer: str) -> None:
    with stage() as here:
        before = here.world()
        tokens = tokens_of(here)
        arn = here.start(approval="REQUIRED")
        misused(here, tokens, ANSWERS[answer])
        assert here.cloud.result(arn).status == "RUNNING"
        assert here.world() == before
        assert here.subjects().count("shop: approval needed") == 1, "asked once"
        send(here, "APPROVE")
        assert here.wait(arn).status == "COMPLETED"


@pytest.mark.parametrize("answer", ["failure", "success"])
def test_a_token_alone_neither_cuts_over_nor_cancels(answer: str) -> None:
    with away(policies=APPROVAL) as (here, _):
        tokens = tokens_of(here)
        arn = here.start("back", mode="FAILBACK")
        misused(here, tokens, ANSWERS[answer])
        assert here.cloud.result(arn).status == "RUNNING"
        assert {sides(here, name)[1] for name in here.servers} == {"running"}
        send(here, "APPROVE", "back")
        assert here.wait(arn).status == "COMPLETED"


def test_misused_tokens_do_not_put_the_end_off() -> None:
    with stage() as here:
        tokens = tokens_of(here)
        arn = here.start(approval="REQUIRED")
        misused(here, tokens, ANSWERS["success"], times=10)
        run = here.wait(arn)
        assert run.report["reason"].startswith("ApprovalExpired")
        assert run.report["durationSeconds"] == pytest.approx(14_400, abs=60)


def test_the_approval_of_the_start_is_none_of_the_cutover() -> None:
    with away(policies=APPROVAL) as (here, _):
        tokens = tokens_of(here)
        arn = here.start("back", mode="FAILBACK", approval="REQUIRED")
        here.cloud.wait_until(lambda: len(tokens) == 1)
        here.cloud.advance(60)
        send(here, "APPROVE", "back")
        here.cloud.wait_until(lambda: len(tokens) == 2)
        here.cloud.advance(3600)
        assert here.cloud.result(arn).status == "RUNNING"
        assert {sides(here, name)[1] for name in here.servers} == {"running"}
        send(here, "REJECT", "back")
        assert here.wait(arn).status == "CANCELLED"


def test_a_decision_whose_answer_is_lost_is_read_when_the_wait_ends() -> None:
    with stage() as here:
        tokens = tokens_of(here)
        arn = here.start(approval="REQUIRED")
        here.cloud.wait_until(lambda: bool(tokens))
        here.cloud.advance(60)
        answer = here.cloud.routes.answer
        here.cloud.routes.answer = lambda call: (  # type: ignore[method-assign]
            Answer(200, {}, b"{}") if call.operation == "SendTaskSuccess" else answer(call)
        )
        send(here, "APPROVE")
        here.cloud.routes.answer = answer  # type: ignore[method-assign]
        here.cloud.advance(60)
        assert here.cloud.result(arn).status == "RUNNING", "the answer was lost"
        run = here.wait(arn)
        assert run.status == "COMPLETED"
        assert run.report["durationSeconds"] > 600, "it is read when the next reminder is due"


@pytest.mark.parametrize("after_calls", range(1, 6))
def test_the_operators_are_asked_wherever_the_function_dies(after_calls: int) -> None:
    with stage() as here:
        died: list[int] = []

        def die(function: str, number: int) -> Disturbance | None:
            if function != "RequestApprovalFunction" or number > 1:
                return None
            died.append(number)
            return Disturbance("Lambda.Unknown", after_calls=after_calls)

        here.cloud.disturb(die)
        arn = here.start(approval="REQUIRED")
        here.cloud.advance(600)
        assert died
        assert here.cloud.functions.invocations("RequestApprovalFunction") == 2
        assert "shop: approval needed" in here.subjects()
        send(here, "APPROVE")
        assert here.wait(arn).status == "COMPLETED"


def test_where_the_operators_cannot_be_asked_it_ends_with_the_reason() -> None:
    with stage() as here:
        here.cloud.fail_function("RequestApprovalFunction", error="MadeToFailError", times=99)
        run = here.run(approval="REQUIRED")
        assert run.status == "FAILED"
        assert "MadeToFailError" in run.report["reason"]


def test_a_failback_without_an_answer_replicates_on_and_continues_later() -> None:
    with away(policies=APPROVAL) as (here, _):
        run = fail_back(here)
        assert "ApprovalExpired" in run.report["reason"]
        assert "start the failback again" in run.report["reason"]


def test_what_is_written_into_the_execution_approves_nothing() -> None:
    """Many functions may write the execution; ApproveExecution alone writes answers (docs/iam.md)."""
    with stage(policies={"approvers": 2}) as here:
        before = here.world()
        tokens = tokens_of(here)
        arn = here.start(approval="REQUIRED")
        here.cloud.wait_until(partial(_reached, tokens, 1))
        store = execution_store(os.environ["EXECUTIONS_TABLE"])
        assert store.change_execution("run", {"approvers": 1, "approval_subject": "CUTOVER"})
        assert "It goes on" in send(here, "APPROVE", subject="CUTOVER")["result"], "as the forged record says"
        here.cloud.advance(60)
        assert here.cloud.result(arn).status == "RUNNING"
        assert store.change_execution("run", {"approvers": 1, "approval_subject": "START"})
        assert "It goes on" in send(here, "APPROVE")["result"], "as the forged record says"
        here.cloud.advance(900)
        assert here.cloud.result(arn).status == "RUNNING", "the workflow knows that two must approve"
        assert here.world() == before
        send(here, "APPROVE", by="ben")
        run = here.wait(arn)
        assert run.status == "COMPLETED"


def asked(here: Stage, tokens: list[str], **request: str) -> str:
    """An execution that waits for its approval; its ARN."""
    arn = here.start(approval="REQUIRED", **request)
    here.cloud.wait_until(partial(_reached, tokens, 1))
    return arn


@pytest.mark.parametrize("again", ["ana", "  ANA ", "Ana"])
def test_two_approvers_are_two_people(again: str) -> None:
    with stage(policies={"approvers": 2}) as here:
        arn = asked(here, tokens_of(here))
        assert "One more person must approve" in send(here, "APPROVE")["result"]
        assert "One more person must approve" in send(here, "APPROVE", by=again)["result"]
        here.cloud.advance(700)
        assert here.cloud.result(arn).status == "RUNNING"
        assert "approved by: ana" in here.cloud.notifications[-1]["message"]
        assert "It goes on" in send(here, "APPROVE", by="ben")["result"]
        run = here.wait(arn)
        assert run.status == "COMPLETED"
        approvals = [one for one in run.report["controls"] if one["action"] == "APPROVE"]
        assert [(one["by"], one["identity"]) for one in approvals] == [("ana", "STATED"), ("ben", "STATED")]
        assert "the name is stated, not verified" in run.summary


def test_one_of_two_is_enough_to_reject() -> None:
    with stage(policies={"approvers": 2}) as here:
        arn = asked(here, tokens_of(here))
        send(here, "APPROVE")
        assert "ana has approved it" in refused(here, "REJECT")
        send(here, "REJECT", by="ben")
        run = here.wait(arn)
        assert (run.status, run.report["reason"][:16]) == ("CANCELLED", "ApprovalRejected")


def test_a_request_does_not_lower_the_number_of_approvers() -> None:
    with stage(policies={"approvers": 2}) as here:
        result = here.cloud.wait(here.start(approval="REQUIRED", approvers=1))
        assert result.status == "FAILED"
        assert "approvers" in str(result.cause)


def test_the_message_does_not_say_what_time_it_is() -> None:
    with stage() as here:
        arn = asked(here, tokens_of(here))
        event = {**message(here, "APPROVE"), "now": "2020-01-01T00:00:00Z"}
        here.call("ApproveExecutionFunction", event)
        [approval] = here.wait(arn).report["controls"]
        assert approval["at"].startswith("2030-")


def test_the_approval_of_one_question_is_refused_for_the_other() -> None:
    with stage() as here:
        asked(here, tokens_of(here))
        assert "asks for the approval of its START" in refused(here, "APPROVE", subject="CUTOVER")


def test_control_execution_neither_approves_nor_rejects() -> None:
    with stage() as here:
        arn = asked(here, tokens_of(here))
        payload, failed = here.cloud.functions.invoke(
            "ControlExecutionFunction", json.dumps(message(here, "APPROVE")).encode()
        )
        assert failed
        assert b"Send it to ApproveExecution" in payload
        here.cloud.advance(60)
        assert here.cloud.result(arn).status == "RUNNING"
