"""How an approval stands is read from what operators have had recorded, and from nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.model.execution import Cancellation, ControlRecord, Decision
from shared.rules.control.approvals import Subject, standing
from shared.times import iso
from tests.shared.rules.control.test_messages import running

NOW = datetime(2030, 1, 1, tzinfo=UTC)
FAILURE = {"Error": "Boom", "Cause": "first\nsecond"}
YES, NO = Decision(True, "bo", "0001", "agreed"), Decision(False, "bo", "0001", "not today")
ASKED: dict[str, Any] = {"approval_subject": "START", "approval_asked_at": iso(NOW - timedelta(seconds=100))}
LONG_AGO = iso(NOW - timedelta(seconds=600))
CANCELLED = Cancellation("ana", "wrong plan", iso(NOW), "0002", False, False)


def said(action: str, subject: str = "START", by: str = "bo") -> ControlRecord:
    """What ControlExecution records of an operator's message."""
    return ControlRecord("0001", action, by, "agreed", iso(NOW), {}, {}, subject=subject)


@pytest.mark.parametrize(
    ("fields", "failure", "approved", "error", "wait"),
    [
        ({}, None, False, None, 600),
        ({}, FAILURE, False, "Boom", 0),
        (ASKED, None, False, None, 500),
        (ASKED, FAILURE, False, None, 500),
        ({**ASKED, "decision": YES}, FAILURE, True, None, 0),
        ({**ASKED, "decision": NO}, None, False, "ApprovalRejected", 0),
        ({**ASKED, "decision": YES, "cancellation": CANCELLED}, None, False, "ExecutionCancelled", 0),
        ({**ASKED, "approval_subject": "CUTOVER", "decision": YES}, None, False, None, 600),
        (
            {**ASKED, "approval_asked_at": LONG_AGO},
            None,
            False,
            "ApprovalExpired",
            0,
        ),
    ],
)
def test_an_approval_stands(
    fields: dict[str, Any], failure: dict[str, str] | None, approved: bool, error: str | None, wait: int
) -> None:
    decision: Decision | None = fields.get("decision")
    message = said("APPROVE" if decision.approved else "REJECT") if decision else None
    found = standing(replace(running(), **fields), Subject.START, NOW, 600, failure, message)
    assert (found.approved, found.error, found.left_seconds) == (approved, error, wait)
    assert found.wait_seconds <= found.left_seconds
    assert "\n" not in (found.cause or "")


@pytest.mark.parametrize("decision", [YES, NO])
@pytest.mark.parametrize(
    "message",
    [
        None,
        said("RESUME"),
        said("APPROVE", subject="CUTOVER"),
        said("REJECT", subject="CUTOVER"),
        said("APPROVE", by="ana"),
        said("REJECT", by="ana"),
    ],
)
def test_a_decision_that_no_message_of_its_operator_says_decides_nothing(
    decision: Decision, message: ControlRecord | None
) -> None:
    forged = replace(running(), **ASKED, decision=decision)
    found = standing(forged, Subject.START, NOW, 600, None, message)
    assert (found.approved, found.error) == (False, "ApprovalForged")
    assert "bo" in (found.cause or "")
