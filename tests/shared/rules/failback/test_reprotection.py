"""A failed-back original is protected again, or says why not once the agent had its time."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.model.prerequisite_facts import CheckFailure
from shared.model.status import Protection, ServerStatus
from shared.rules.failback.reprotection import (
    is_to_reprotect,
    is_unseen,
    judged_anew,
    not_reprotected,
    reprotecting,
    reprotection_requested,
)
from tests import makers

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ISSUE = CheckFailure("refused", "ask for the right")


@pytest.mark.parametrize(
    ("status", "protection", "expected"),
    [
        (ServerStatus.RECOVERED, None, True),
        (ServerStatus.RECOVERED, Protection.RETURNING, True),
        (ServerStatus.RECOVERED, Protection.RESCANNING, False),
        (ServerStatus.FAILED, None, False),
    ],
)
def test_only_failed_back_servers_are_reprotected_once(
    status: ServerStatus, protection: Protection | None, expected: bool
) -> None:
    assert is_to_reprotect(makers.record(1, status=status, protection=protection)) is expected


@pytest.mark.parametrize(
    ("since", "may_pass", "protection", "remedy"),
    [
        ("2026-01-01T11:59:00Z", True, Protection.RETURNING, ""),
        ("2026-01-01T11:00:00Z", True, Protection.UNPROTECTED, "Check the DRS agent on i-1"),
        ("2026-01-01T11:59:00Z", False, Protection.UNPROTECTED, "ask for the right"),
    ],
)
def test_an_issue_may_pass_in_time(since: str, may_pass: bool, protection: Protection, remedy: str) -> None:
    server = makers.record(
        1, pair_instance_id="i-1", protection=Protection.RETURNING, reprotect_requested_at=since
    )
    after = not_reprotected(server, ISSUE, NOW, may_pass=may_pass)
    assert after.failback.protection is protection
    assert remedy in (after.failback.protection_remedy or "")


def test_a_reversal_clears_what_kept_it_back() -> None:
    server = reprotection_requested(makers.record(1, protection_reason="x", protection_remedy="y"), NOW)
    assert (server.failback.protection, server.failback.reprotect_requested_at) == (
        Protection.RETURNING,
        "2026-01-01T12:00:00Z",
    )
    after = reprotecting(server)
    assert (
        after.failback.protection,
        after.failback.protection_reason,
        after.failback.protection_remedy,
    ) == (
        Protection.RESCANNING,
        None,
        None,
    )


def test_a_protection_that_was_never_seen_is_judged_anew() -> None:
    server = makers.record(1, protection=Protection.PROTECTED)
    assert is_unseen(server)
    assert judged_anew(server, NOW).failback.protection is Protection.RESCANNING
    assert not is_unseen(makers.record(1, protection=Protection.PROTECTED, protected_at="x"))
