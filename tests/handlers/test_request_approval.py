"""RequestApproval: the operators get the command that approves, and what they approve."""

from __future__ import annotations

from typing import Any

import pytest

from functions.configuration import request_approval
from shared.task import TaskInputError
from tests.handlers.estate import Estate
from tests.handlers.failover import Failover


def test_the_operators_learn_how_to_approve(estate: Estate) -> None:
    estate.open(reason="us-east-1 is down")
    assert estate.call(request_approval, taskToken="the-token", timeoutSeconds=14400, subject="START") == {}
    assert estate.store.execution("execution-1").approval_token == "the-token"
    subject, text = estate.messages()[-1]
    assert subject == "erp: approval needed"
    for part in (
        '"APPROVE"',
        '"REJECT"',
        "within 4 hours",
        "us-east-1 is down",
        "unknown",
    ):
        assert part in text
    assert "the-token" not in text
    assert estate.call(request_approval, taskToken="another", timeoutSeconds=60, subject="START") == {}
    assert [title for title, _ in estate.messages()].count("erp: approval needed") == 1, "asked once"
    assert estate.store.execution("execution-1").approval_token == "another"


@pytest.mark.parametrize("field", ["taskToken", "timeoutSeconds", "executionId", "subject"])
def test_a_task_names_the_field_it_lacks(estate: Estate, field: str) -> None:
    estate.open()
    fields: dict[str, Any] = {
        "taskToken": "t",
        "timeoutSeconds": 60,
        "executionId": "execution-1",
        "subject": "START",
    }
    with pytest.raises(TaskInputError, match=f"lacks '{field}'"):
        estate.call(request_approval, **{**fields, field: ""})


def test_the_approval_of_a_cutover_says_who_is_ready(away: Failover) -> None:
    away.reach_reversal()
    away.replicate()
    away.estate.call(request_approval, taskToken="t", timeoutSeconds=7200, subject="CUTOVER")
    subject, text = away.estate.messages()[-1]
    assert subject == "erp: approval of the cutover needed"
    assert "2 servers have a copy at the origin that is new enough, 0 are left behind" in text
    assert "Nothing has been changed" not in text
