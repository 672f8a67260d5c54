"""What an execution may do that has asked for an approval: only what operators have decided is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.model.execution import ExecutionRecord
from shared.rules.text import one_line
from shared.times import parse_time


class Subject(StrEnum):
    """What is approved."""

    START = "START"
    CUTOVER = "CUTOVER"


@dataclass(frozen=True, slots=True)
class ApprovalStanding:
    """Approved; or over, with the error of the execution; or open for ``wait_seconds`` more."""

    approved: bool = False
    error: str | None = None
    cause: str | None = None
    wait_seconds: int = 0


EXPIRED = {
    Subject.START: "No approval and no rejection came in time.",
    Subject.CUTOVER: "No approval and no rejection of the cutover came in time. The servers replicate to the "
    "origin; start the failback again to continue.",
}


def standing(
    record: ExecutionRecord,
    subject: Subject,
    now: datetime,
    timeout_seconds: int,
    failure: Mapping[str, str] | None,
) -> ApprovalStanding:
    """How the approval of ``subject`` stands.

    ``failure`` ended the last wait. It counts only where the operators could not be asked: a task token can
    end a wait, but decides nothing.
    """
    asked = record.approval_subject == subject
    if record.cancellation is not None:
        by, why = record.cancellation.by, record.cancellation.reason
        return ApprovalStanding(error="ExecutionCancelled", cause=f"{by}: {why}")
    if asked and record.decision is not None:
        if record.decision.approved:
            return ApprovalStanding(approved=True)
        return ApprovalStanding(
            error="ApprovalRejected", cause=f"{record.decision.by}: {record.decision.reason}"
        )
    if not asked:
        if failure is not None:
            cause = one_line(str(failure.get("Cause", "")), 500)
            return ApprovalStanding(error=one_line(str(failure.get("Error", "")), 200), cause=cause)
        return ApprovalStanding(wait_seconds=timeout_seconds)
    waited = (now - parse_time(record.approval_asked_at)).total_seconds()
    left = int(timeout_seconds - waited)
    if left <= 0:
        return ApprovalStanding(error="ApprovalExpired", cause=EXPIRED[subject])
    return ApprovalStanding(wait_seconds=left)
