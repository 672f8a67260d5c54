"""ApproveExecution: an answer is recorded once, by the clock of the function, and refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from functions.configuration import request_approval
from functions.execution.launch import approve_execution
from shared.rules.control.approval_messages import ApprovalInvalidError
from tests.handlers.estate import Estate
from tests.handlers.launching import taking_answers

ASKED = {"taskToken": "the-token", "subject": "START", "leftSeconds": "14400"}


def answer(estate: Estate, action: str, **fields: Any) -> dict[str, Any]:
    given = {"action": action, "by": "ana", "reason": "checked"}
    said: dict[str, Any] = estate.call(approve_execution, **{**given, **fields})
    return said


def test_an_approval_is_recorded_once_and_resumes_the_execution(estate: Estate) -> None:
    estate.open()
    estate.call(request_approval, **ASKED, approvers=1)
    resumed = taking_answers(estate)
    first = answer(estate, "APPROVE")
    assert answer(estate, "APPROVE", reason="again") == first
    assert [one["taskToken"] for one in resumed] == ["the-token", "the-token"]
    [recorded] = estate.store.answers("execution-1")
    assert (recorded.by, recorded.reason, recorded.identity) == ("ana", "checked", "STATED")
    assert [title for title, _ in estate.messages()].count("erp: approved by ana") == 1


def test_the_first_of_two_resumes_nothing(estate: Estate) -> None:
    estate.open()
    estate.call(request_approval, **ASKED, approvers=2)
    resumed = taking_answers(estate)
    assert "One more person must approve" in answer(estate, "APPROVE")["result"]
    assert resumed == []
    assert "It goes on" in answer(estate, "APPROVE", by="ben")["result"]
    assert len(resumed) == 1


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"executionId": "unknown"}, "No execution 'unknown' is known"),
        ({"subject": "CUTOVER"}, "asks for the approval of its START"),
        ({"action": "MAYBE"}, "action"),
        ({"by": "   "}, "by"),
        ({"reason": ""}, "reason"),
        ({"approvers": 1}, "approvers"),
    ],
)
def test_what_it_does_not_understand_is_refused_with_the_field(
    estate: Estate, fields: dict[str, Any], found: str
) -> None:
    estate.open()
    estate.call(request_approval, **ASKED, approvers=1)
    with pytest.raises(ApprovalInvalidError, match=found):
        answer(estate, **{"action": "APPROVE", **fields})
    assert estate.store.answers("execution-1") == []


def test_an_execution_that_does_not_ask_is_refused(estate: Estate) -> None:
    estate.open()
    with pytest.raises(ApprovalInvalidError, match="does not wait for an approval"):
        answer(estate, "APPROVE")


def test_an_event_approves_nothing(estate: Estate) -> None:
    estate.open()
    event = {"source": "drs-orchestrator.dr", "detail-type": "DR Control Requested", "detail": {}}
    with pytest.raises(ApprovalInvalidError, match="an event neither approves nor rejects"):
        estate.call(approve_execution, **event)
