"""How a preparation ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from shared.model.execution import ExecutionRecord
from shared.model.status import ExecutionStatus
from shared.model.unreadable_site import UnreadableSite
from shared.rules.closure.failures import failure_text
from shared.times import iso


@dataclass(frozen=True, slots=True)
class PreparationProblem:
    """What keeps a preparation from being COMPLETED, beside servers that are blocked."""

    reason: str
    remedy: str


def preparation_end(
    record: ExecutionRecord,
    failure: dict[str, Any],
    blocked: int,
    now: datetime,
    problem: PreparationProblem | None = None,
) -> ExecutionRecord:
    """The record with its final status. ``failure``: ``{Error, Cause}``, or empty.

    ``problem``: what is wrong beside blocked servers.
    """
    ended = replace(record, status=ExecutionStatus.COMPLETED, ended_at=iso(now))
    if failure:
        return replace(
            ended,
            status=ExecutionStatus.FAILED,
            reason=failure_text(failure),
            remedy="Repair the cause, and prepare again. A failover sets by itself what is not prepared.",
        )
    if problem:
        return replace(
            ended,
            status=ExecutionStatus.COMPLETED_WITH_FAILURES,
            reason=problem.reason,
            remedy=problem.remedy,
        )
    if blocked:
        return replace(
            ended,
            status=ExecutionStatus.COMPLETED_WITH_FAILURES,
            reason=f"{blocked} servers are blocked.",
            remedy="Follow the remedy of each: a failover would be blocked by the same.",
        )
    return ended


def unreadable_sites(sites: Sequence[UnreadableSite]) -> PreparationProblem | None:
    """Sites that deny access: what is there is not prepared, and a failover could not read it either."""
    if not sites:
        return None
    reason = " ".join(site.found for site in sites)
    return PreparationProblem(reason, " ".join([*(site.remedy for site in sites), PREPARE_AGAIN]))


PREPARE_AGAIN = "Start the preparation again: what is prepared already stays as it is."
"""How the report of a preparation is written later."""


def preparation_title(record: ExecutionRecord, blocked: int) -> str:
    """Of the notification about a preparation that an operator has to know of."""
    what = {
        ExecutionStatus.FAILED: "failed",
        ExecutionStatus.COMPLETED_WITH_FAILURES: f"{blocked} blocked",
    }.get(record.status, "its report is not written")
    return f"{record.plan_name}: preparation: {what}"
