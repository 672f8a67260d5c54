"""How a preparation ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from shared.model.execution import ExecutionRecord
from shared.model.status import ExecutionStatus
from shared.rules.closure.failures import failure_text
from shared.times import iso


def preparation_end(
    record: ExecutionRecord, failure: dict[str, Any], blocked: int, now: datetime, unknown: str = ""
) -> ExecutionRecord:
    """The record with its final status. ``failure``: ``{Error, Cause}``, or empty.

    ``unknown``: what to write instead of names in acceptPairs that no server has, or empty.
    """
    ended = replace(record, status=ExecutionStatus.COMPLETED, ended_at=iso(now))
    if failure:
        return replace(
            ended,
            status=ExecutionStatus.FAILED,
            reason=failure_text(failure),
            remedy="Repair the cause, and prepare again. A failover sets by itself what is not prepared.",
        )
    if unknown:
        return replace(
            ended,
            status=ExecutionStatus.COMPLETED_WITH_FAILURES,
            reason="acceptPairs names servers that the plan's sites do not have.",
            remedy=unknown,
        )
    if blocked:
        return replace(
            ended,
            status=ExecutionStatus.COMPLETED_WITH_FAILURES,
            reason=f"{blocked} servers are blocked.",
            remedy="Follow the remedy of each: a failover would be blocked by the same.",
        )
    return ended


PREPARE_AGAIN = "Start the preparation again: what is prepared already stays as it is."
"""How the report of a preparation is written later."""


def preparation_title(record: ExecutionRecord, blocked: int) -> str:
    """Of the notification about a preparation that an operator has to know of."""
    what = {
        ExecutionStatus.FAILED: "failed",
        ExecutionStatus.COMPLETED_WITH_FAILURES: f"{blocked} blocked",
    }.get(record.status, "its report is not written")
    return f"{record.plan_name}: preparation: {what}"
