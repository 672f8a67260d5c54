"""What an execution may do that has asked for an approval: only what operators have decided is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.model.execution import ControlRecord, Decision, ExecutionRecord
from shared.rules.control.messages import Action
from shared.rules.control.reminders import until_next
from shared.rules.text import one_line
from shared.times import parse_time


class Subject(StrEnum):
    """What is approved."""

    START = "START"
    CUTOVER = "CUTOVER"


@dataclass(frozen=True, slots=True)
class ApprovalStanding:
    """Approved; or over, with the error of the execution; or open for ``left_seconds`` more.

    ``wait_seconds``: until its end or the next reminder.
    """

    approved: bool = False
    error: str | None = None
    cause: str | None = None
    wait_seconds: int = 0
    left_seconds: int = 0


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
    message: ControlRecord | None,
) -> ApprovalStanding:
    """How the approval of ``subject`` stands.

    ``message``: the operator's, that the decision names. Many functions can write the execution's item, and
    one alone writes messages: a decision without its message decides nothing.

    ``failure`` ended the last wait. It counts only where the operators could not be asked: a task token can
    end a wait, but decides nothing.
    """
    asked = record.approval_subject == subject
    if record.cancellation is not None:
        by, why = record.cancellation.by, record.cancellation.reason
        return ApprovalStanding(error="ExecutionCancelled", cause=f"{by}: {why}")
    if asked and record.decision is not None:
        return _decided(record.decision, subject, message)
    if not asked:
        if failure is not None:
            cause = one_line(str(failure.get("Cause", "")), 500)
            return ApprovalStanding(error=one_line(str(failure.get("Error", "")), 200), cause=cause)
        return _open(0.0, timeout_seconds)
    waited = (now - parse_time(record.approval_asked_at)).total_seconds()
    left = int(timeout_seconds - waited)
    if left <= 0:
        return ApprovalStanding(error="ApprovalExpired", cause=EXPIRED[subject])
    return _open(waited, left)


def _open(waited: float, left: int) -> ApprovalStanding:
    return ApprovalStanding(wait_seconds=min(left, until_next(waited)), left_seconds=left)


def _decided(decision: Decision, subject: Subject, message: ControlRecord | None) -> ApprovalStanding:
    action = Action.APPROVE if decision.approved else Action.REJECT
    sent = (message.action, message.subject, message.by) if message is not None else None
    if sent != (action, subject, decision.by):
        cause = (
            f"The execution has a decision of {decision.by} without a message of theirs that says it. "
            "Find out who wrote the item; start the plan again."
        )
        return ApprovalStanding(error="ApprovalForged", cause=one_line(cause, 500))
    if decision.approved:
        return ApprovalStanding(approved=True)
    return ApprovalStanding(error="ApprovalRejected", cause=f"{decision.by}: {decision.reason}")
