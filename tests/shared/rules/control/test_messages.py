"""What may be sent to an execution, and how a bad message is answered."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.execution import Cancellation, ExecutionRecord, Pause
from shared.model.policies import Mode
from shared.model.status import ExecutionStatus, PausePoint, ServerStatus, WaveStatus
from shared.rules.control.cli_hints import control_call
from shared.rules.control.decisions import Judgement, Standing, judge
from shared.rules.control.messages import (
    DETAIL_TYPE,
    SOURCE,
    Action,
    ControlInvalidError,
    Message,
    parse_message,
)
from shared.rules.plan.contracts import Problem, problems
from shared.services.controller import retry_name
from tests.makers import execution, record, wave

WHO = {"executionId": "erp-1", "by": "ana", "reason": "check first"}
AT = "2026-01-01T10:00:00Z"


def said(action: str, **fields: Any) -> dict[str, Any]:
    return {**WHO, "action": action, **fields}


def parsed(action: str, **fields: Any) -> Message:
    return parse_message(said(action, **fields))


def running(**changes: Any) -> ExecutionRecord:
    return execution(status=ExecutionStatus.RUNNING, ended_at=None, **changes)


@pytest.mark.parametrize(
    ("message", "field", "remedy"),
    [
        ({**WHO}, "action", "Add it"),
        ({**WHO, "action": "PAUSE", "by": ""}, "by", "Give at least 1 letters."),
        (said("PAUS"), "action", "Write PAUSE."),
        (said("PAUSE", wen="NOW"), "wen", "Write 'when'."),
        (said("PAUSE", when="LATER"), "when", "Write one of NOW, NEXT_WAVE."),
        (said("PAUSE", when="NOW", before="web"), "when", "Remove one of the two."),
        (said("RESUME", before="web"), "before", "Remove it, or write action: PAUSE."),
        (said("SKIP"), "wave", "Name the wave to skip, or the servers."),
        (said("SKIP", wave="web", servers=["a"]), "wave", "Name the wave to skip, or the servers."),
        (said("SKIP", servers=["a"], dependents="SKIP"), "dependents", "Remove it."),
        (said("CANCEL", confirm="erp"), "confirm", "Add launched: UNDO."),
        (said("RETRY", launched="UNDO"), "launched", "write action: CANCEL."),
    ],
)
def test_a_bad_message_is_answered_with_field_and_remedy(
    message: dict[str, Any], field: str, remedy: str
) -> None:
    with pytest.raises(ControlInvalidError) as refused:
        parse_message(message)
    assert [problem.path for problem in refused.value.problems] == [field]
    assert remedy in refused.value.problems[0].remedy


documents = st.fixed_dictionaries(
    {
        "executionId": st.sampled_from(["erp-1", "no such id!"]),
        "action": st.sampled_from([*Action, "STOP"]),
        "by": st.sampled_from(["ana", "", 3]),
        "reason": st.just("check first"),
    },
    optional={
        "when": st.sampled_from(["NOW", "NEXT_WAVE", "x"]),
        "before": st.sampled_from(["web", ""]),
        "pause": st.just("0001"),
        "wave": st.just("web"),
        "servers": st.lists(st.sampled_from(["db-1", "db-2"]), max_size=3),
        "dependents": st.sampled_from(["CONTINUE", "SKIP"]),
        "launched": st.sampled_from(["LEAVE", "UNDO"]),
        "confirm": st.just("erp"),
    },
)


@given(documents)
def test_every_message_is_taken_or_refused_by_name(document: dict[str, Any]) -> None:
    found: tuple[Problem, ...] = ()
    try:
        message = parse_message(document)
    except ControlInvalidError as refused:
        found = refused.problems
    else:
        assert problems(document, "control") == ()
        assert message.action == document["action"]
        return
    assert found
    assert all(problem.path and problem.remedy for problem in found)


@given(documents)
def test_an_event_never_says_what_only_a_person_may(document: dict[str, Any]) -> None:
    sent = {"id": "e", "source": "drs-orchestrator.dr", "detail-type": "DR Control Requested"}
    try:
        message = parse_message({**sent, "detail": document})
    except ControlInvalidError:
        return
    assert message.action in (Action.PAUSE, Action.SKIP, Action.CANCEL)
    assert not message.undo
    assert message.message_id == "e"


def test_a_foreign_event_is_no_message() -> None:
    with pytest.raises(ControlInvalidError, match="is no message"):
        parse_message({"source": "aws.ec2", "detail-type": "Other", "detail": said("PAUSE")})


PAUSED = Pause("0001", PausePoint.NOW, "ana", "check first", AT)
LEFT = Cancellation("bo", "false alarm", AT, "0002")


@pytest.mark.parametrize(
    ("message", "standing", "found"),
    [
        (parsed("PAUSE"), Standing(running(cancellation=LEFT)), "cancelled already"),
        (parsed("PAUSE"), Standing(running(dry_run=True)), "is a dry run"),
        (
            parsed("PAUSE", before="web"),
            Standing(running(), [wave("web", start_began_at=AT)]),
            "starting its instances",
        ),
        (parsed("PAUSE", before="wbe"), Standing(running(), [wave("web")]), "is no wave of it"),
        (parsed("RESUME", pause="0009"), Standing(running(pauses=(PAUSED,))), "no pause of it"),
        (parsed("SKIP", wave="web"), Standing(running()), "not planned yet"),
        (
            parsed("SKIP", wave="web"),
            Standing(running(), [wave("web", status=WaveStatus.COMPLETED)]),
            "is COMPLETED already",
        ),
        (
            parsed("SKIP", servers=["app-1"]),
            Standing(running(), servers=[record(1, status=ServerStatus.STARTING)]),
            "app-1 is STARTING",
        ),
        (
            parsed("SKIP", servers=["app-1"]),
            Standing(running(), servers=[record(1), record(2, name="app-1")]),
            "Several servers are called",
        ),
        (parsed("RETRY"), Standing(execution()), "failed or was skipped"),
        (parsed("CANCEL", launched="UNDO", confirm="crm"), Standing(running()), "not the name of its plan"),
        (
            parsed("CANCEL", launched="UNDO", confirm="erp"),
            Standing(running(mode=Mode.FAILBACK)),
            "are not sent back",
        ),
        (
            parse_message(
                {"id": "e", "source": SOURCE, "detail-type": DETAIL_TYPE, "detail": said("CANCEL")}
            ),
            Standing(running(), [wave("web")]),
            "no event cancels it any more",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason(
    message: Message, standing: Standing, found: str
) -> None:
    with pytest.raises(ControlInvalidError, match=found):
        judge(message, standing, "0005", AT)


def test_a_resume_ends_one_pause_or_all() -> None:
    other = Pause("0002", PausePoint.NEXT_WAVE, "bo", "lunch", AT)
    standing = Standing(running(pauses=(PAUSED, other)))
    assert judge(parsed("RESUME", pause="0001"), standing, "0003", AT).effect.execution["pauses"] == (other,)
    assert judge(parsed("RESUME"), standing, "0003", AT).effect.execution["pauses"] is None


def cancellation(judgement: Judgement) -> Cancellation:
    found = judgement.effect.execution["cancellation"]
    assert found is not None
    return found


def test_only_a_named_plan_puts_recovered_servers_back() -> None:
    undo = judge(parsed("CANCEL", launched="UNDO"), Standing(running()), "0001", AT)
    confirmed = judge(parsed("CANCEL", launched="UNDO", confirm="erp"), Standing(running()), "0001", AT)
    assert not cancellation(undo).undo_recovered
    assert cancellation(confirmed).undo_recovered


def test_a_cancellation_can_still_be_turned_into_an_undo() -> None:
    standing = Standing(running(cancellation=LEFT))
    undo = judge(parsed("CANCEL", launched="UNDO"), standing, "0003", AT)
    assert cancellation(undo).undo


def test_the_call_to_paste_is_a_message_that_is_taken() -> None:
    call = control_call("stack-control-execution", "erp-1", "RESUME", pause="0001")
    assert call.startswith("aws lambda invoke --function-name stack-control-execution ")
    assert "'" in call.split("--payload ")[1]


@given(st.from_regex(r"[A-Za-z0-9_-]{1,80}", fullmatch=True))
def test_a_retry_has_one_name_that_step_functions_takes(execution_id: str) -> None:
    names = {retry_name(execution_id, False), retry_name(execution_id, True)}
    assert len(names) == 2
    assert all(len(name) <= 80 and name != execution_id for name in names)
