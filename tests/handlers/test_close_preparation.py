"""ClosePreparation: the report, a message only if the operators must act, and the lock released."""

from __future__ import annotations

from typing import Any

import pytest

from shared.store import preparation_lock
from tests.handlers.estate import Estate
from tests.handlers.preparation import close, prepare


@pytest.mark.parametrize(
    ("unmatched", "fields", "status", "subject"),
    [
        (False, {}, "COMPLETED", None),
        (True, {}, "COMPLETED_WITH_FAILURES", "erp: preparation: 1 blocked"),
        (False, {"failure": {"Error": "Boom", "Cause": "a test"}}, "FAILED", "erp: preparation: failed"),
    ],
)
def test_a_preparation_ends_with_a_report_and_a_message_if_something_is_to_do(
    estate: Estate, unmatched: bool, fields: dict[str, Any], status: str, subject: str | None
) -> None:
    estate.add_pairs("web-1")
    if unmatched:
        estate.add_servers("web-2")
    prepare(estate)
    for _ in range(2):
        assert close(estate, **fields)["status"] == status
    assert estate.report()["status"] == status
    assert estate.locks.holders([preparation_lock("erp")]) == {}
    assert {sent for sent, _ in estate.messages()} == ({subject} if subject else set())


def test_a_preparation_that_was_refused_is_reported_too(estate: Estate) -> None:
    estate.execution_id = "preparation-1"
    answer = close(estate, failure={"Error": "PreparationInvalidError", "Cause": "bad"})
    assert (answer["status"], answer["reason"]) == ("FAILED", "PreparationInvalidError: bad")
    assert estate.report("unknown")["endedAt"] == estate.now
