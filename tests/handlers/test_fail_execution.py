"""FailExecution: it fails with the reason, the remedy and the report, unless the execution was redriven."""

from __future__ import annotations

from typing import Any

import pytest

from functions.configuration import fail_execution
from tests.handlers.estate import Estate


def fail(estate: Estate, **fields: Any) -> dict[str, Any]:
    given = {"redrives": "0", "redriveCount": "0", "reason": "The plan is unknown.", "report": "s3://r.md"}
    answer: dict[str, Any] = estate.call(fail_execution, **{**given, **fields})
    return answer


def test_the_reason_the_remedy_and_the_report_are_in_the_message(estate: Estate) -> None:
    estate.open()
    estate.store.change_execution("execution-1", {"remedy": "Store it."})
    with pytest.raises(fail_execution.ExecutionFailed) as raised:
        fail(estate)
    assert str(raised.value) == "The plan is unknown. Store it. Report: s3://r.md"


def test_an_execution_that_was_never_opened_fails_without_a_remedy(estate: Estate) -> None:
    with pytest.raises(fail_execution.ExecutionFailed, match=r"^The plan is unknown\. Report: could not"):
        fail(estate, report=None)


def test_an_execution_that_was_redriven_proceeds(estate: Estate) -> None:
    assert fail(estate, redriveCount="1") == {}
    with pytest.raises(fail_execution.ExecutionFailed):
        fail(estate, redrives="1", redriveCount="1")
