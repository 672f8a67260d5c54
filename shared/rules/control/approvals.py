"""What an execution may do that has asked for an approval: only what operators have answered is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.model.approval import ApprovalAnswer, Subject
from shared.model.execution import ExecutionRecord
from shared.rules.control.reminders import until_next
from shared.rules.text import one_line
from shared.times import parse_time


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


def decided(answers: Sequence[ApprovalAnswer], approvers: int) -> bool | None:
    """Whether the answers to one question approve; None: more are needed. One rejection is enough."""
    if any(not answer.approved for answer in answers):
        return False
    return True if still_needed(answers, approvers) == 0 else None


def still_needed(answers: Sequence[ApprovalAnswer], approvers: int) -> int:
    """How many more people must approve. Other capitals or spaces make no other person."""
    people = {answer.person for answer in answers if answer.approved}
    return max(0, approvers - len(people))


def standing(
    record: ExecutionRecord,
    subject: Subject,
    now: datetime,
    timeout_seconds: int,
    failure: Mapping[str, str] | None,
    answers: Sequence[ApprovalAnswer],
    approvers: int,
) -> ApprovalStanding:
    """How the approval of ``subject`` stands.

    ``answers``: those to this question, which one function alone can write. ``approvers``: how many must
    approve, as the workflow knows it from the start of the execution.

    ``failure`` ended the last wait. It counts only where the operators could not be asked: a task token can
    end a wait, but decides nothing.
    """
    asked = record.approval_subject == subject
    if record.cancellation is not None:
        by, why = record.cancellation.by, record.cancellation.reason
        return ApprovalStanding(error="ExecutionCancelled", cause=f"{by}: {why}")
    if record.superseded_by is not None and subject is Subject.START:
        return ApprovalStanding(error="ExecutionSuperseded", cause=superseded(record))
    verdict = decided(answers, approvers)
    if verdict is False:
        first = next(answer for answer in answers if not answer.approved)
        return ApprovalStanding(error="ApprovalRejected", cause=f"{first.by}: {first.reason}")
    if verdict is True:
        return ApprovalStanding(approved=True)
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


def superseded(record: ExecutionRecord) -> str:
    """Why an execution that an event started does not go on."""
    return (
        f"An operator started {record.superseded_by} for this plan while this execution, which an event "
        "started, waited for its approval. It changed nothing."
    )


def _open(waited: float, left: int) -> ApprovalStanding:
    return ApprovalStanding(wait_seconds=min(left, until_next(waited)), left_seconds=left)
