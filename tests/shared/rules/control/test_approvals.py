"""How an approval stands is read from what operators have had recorded, and from nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.model.approval import ApprovalAnswer, Subject
from shared.model.execution import Cancellation
from shared.rules.control.approvals import decided, standing, still_needed
from shared.times import iso
from tests.shared.rules.control.test_messages import running

NOW = datetime(2030, 1, 1, tzinfo=UTC)
FAILURE = {"Error": "Boom", "Cause": "first\nsecond"}
YES = ApprovalAnswer(Subject.START, True, "bo", "agreed", iso(NOW))
NO = replace(YES, approved=False, reason="not today")
ASKED: dict[str, Any] = {"approval_subject": "START", "approval_asked_at": iso(NOW - timedelta(seconds=100))}
LONG_AGO = iso(NOW - timedelta(seconds=600))
CANCELLED = Cancellation("ana", "wrong plan", iso(NOW), "0002", False, False)


@pytest.mark.parametrize(
    ("fields", "failure", "approved", "error", "wait"),
    [
        ({}, None, False, None, 600),
        ({}, FAILURE, False, "Boom", 0),
        (ASKED, None, False, None, 500),
        (ASKED, FAILURE, False, None, 500),
        ({**ASKED, "answers": YES}, FAILURE, True, None, 0),
        ({**ASKED, "answers": NO}, None, False, "ApprovalRejected", 0),
        ({**ASKED, "answers": YES, "cancellation": CANCELLED}, None, False, "ExecutionCancelled", 0),
        ({**ASKED, "answers": YES, "superseded_by": "out"}, None, False, "ExecutionSuperseded", 0),
        ({**ASKED, "approval_subject": "CUTOVER"}, None, False, None, 600),
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
    rest = {name: value for name, value in fields.items() if name != "answers"}
    answers = [fields["answers"]] if "answers" in fields else []
    found = standing(replace(running(), **rest), Subject.START, NOW, 600, failure, answers, 1)
    assert (found.approved, found.error, found.left_seconds) == (approved, error, wait)
    assert found.wait_seconds <= found.left_seconds
    assert "\n" not in (found.cause or "")


def said(by: str, approved: bool = True) -> ApprovalAnswer:
    return ApprovalAnswer(Subject.START, approved, by, "agreed", iso(NOW))


@pytest.mark.parametrize(
    ("answers", "approvers", "verdict", "left"),
    [
        ([], 1, None, 1),
        ([said("bo")], 1, True, 0),
        ([said("bo")], 2, None, 1),
        ([said("bo"), said(" BO ")], 2, None, 1),
        ([said("bo"), said("Bo  Smith"), said("bo smith")], 2, True, 0),
        ([said("bo"), said("ana", False)], 2, False, 1),
        ([said("bo"), said("ana"), said("cy", False)], 2, False, 0),
    ],
)
def test_so_many_people_must_approve_and_one_may_reject(
    answers: list[ApprovalAnswer], approvers: int, verdict: bool | None, left: int
) -> None:
    assert (decided(answers, approvers), still_needed(answers, approvers)) == (verdict, left)
