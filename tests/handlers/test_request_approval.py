"""RequestApproval: the operators get the command that approves, and what they approve."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from functions.configuration import request_approval
from shared.task import TaskInputError
from shared.times import iso, parse_time
from tests.handlers.estate import Estate
from tests.handlers.failover import Failover


def test_the_operators_learn_how_to_approve(estate: Estate) -> None:
    estate.open(reason="us-east-1 is down")
    assert (
        estate.call(request_approval, taskToken="the-token", leftSeconds=14400, subject="START", approvers=1)
        == {}
    )
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
    assert (
        estate.call(request_approval, taskToken="another", leftSeconds=60, subject="START", approvers=1) == {}
    )
    assert [title for title, _ in estate.messages()].count("erp: approval needed") == 1, "asked once"
    assert estate.store.execution("execution-1").approval_token == "another"


def test_the_operators_are_reminded_with_the_same_commands_and_how_long_it_has_waited(estate: Estate) -> None:
    estate.open()
    asked = {"taskToken": "t", "subject": "START", "approvers": 1}
    for minutes in (0, 9, 10, 12, 31, 61, 119, 121):
        now = iso(parse_time(estate.now) + timedelta(minutes=minutes))
        estate.call(request_approval, **asked, leftSeconds=14400 - 60 * minutes, now=now)
    titles = [title for title, _ in estate.messages() if "approval needed" in title]
    waited = [f", for {minutes} minutes now" for minutes in (10, 31, 61, 121)]
    assert titles == [f"erp: approval needed{more}" for more in ("", *waited)]
    _, last = estate.messages()[-1]
    assert '"APPROVE"' in last
    assert "within 119 minutes" in last


@pytest.mark.parametrize("field", ["taskToken", "leftSeconds", "executionId", "subject", "approvers"])
def test_a_task_names_the_field_it_lacks(estate: Estate, field: str) -> None:
    estate.open()
    fields: dict[str, Any] = {
        "taskToken": "t",
        "leftSeconds": 60,
        "executionId": "execution-1",
        "subject": "START",
        "approvers": 1,
    }
    with pytest.raises(TaskInputError, match=f"lacks '{field}'"):
        estate.call(request_approval, **{**fields, field: ""})


def test_the_approval_of_a_cutover_says_who_is_ready(away: Failover) -> None:
    away.reach_reversal()
    away.replicate()
    away.estate.call(request_approval, taskToken="t", leftSeconds=7200, subject="CUTOVER", approvers=1)
    subject, text = away.estate.messages()[-1]
    assert subject == "erp: approval of the cutover needed"
    assert "2 servers have a copy at the origin that is new enough, 0 are left behind" in text
    assert "Nothing has been changed" not in text
