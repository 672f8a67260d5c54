"""Messages that answer a request for approval: checked by schema, and judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared.model.approval import ApprovalAnswer, Identity, Subject, person_of
from shared.model.execution import ExecutionRecord
from shared.rules.control.approvals import decided, still_needed, superseded
from shared.rules.plan.contracts import DocumentInvalidError, Problem, problems
from shared.rules.text import NAME_LIMIT, REASON_LIMIT, one_line

APPROVE, REJECT = "APPROVE", "REJECT"


class ApprovalInvalidError(DocumentInvalidError):
    """A message breaks the schema, or answers what is not asked; each problem with its remedy."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("message", problems)


@dataclass(frozen=True, slots=True)
class ApprovalMessage:
    """``subject``: what it is about, None: whatever is asked."""

    execution_id: str
    approved: bool
    by: str
    reason: str
    subject: Subject | None = None


def parse_approval(document: object) -> ApprovalMessage:
    """Raises ApprovalInvalidError."""
    if isinstance(document, dict) and "detail-type" in document:
        remedy = "Send it with aws lambda invoke, as the notification that asks says."
        raise invalid("detail-type", "an event neither approves nor rejects.", remedy)
    found = problems(document, "approval")
    if found or not isinstance(document, dict):
        raise ApprovalInvalidError(found)
    by = one_line(document["by"], NAME_LIMIT)
    if not by.strip():
        raise invalid("by", "is blank.", "Write your name.")
    return ApprovalMessage(
        execution_id=document["executionId"],
        approved=document["action"] == APPROVE,
        by=by.strip(),
        reason=one_line(document["reason"], REASON_LIMIT),
        subject=Subject(document["subject"]) if "subject" in document else None,
    )


def question(message: ApprovalMessage, record: ExecutionRecord) -> Subject:
    """What the message answers. Raises ApprovalInvalidError where that is not asked."""
    if record.dry_run:
        raise invalid("executionId", f"{message.execution_id} is a dry run.", "Wait: it ends by itself.")
    if record.status.is_final:
        found = f"{message.execution_id} has ended: {record.status.value}."
        raise invalid("executionId", found, "Start the plan again.")
    if record.superseded_by is not None:
        found = superseded(record)
        raise invalid("executionId", found, f"Look at {record.superseded_by}.")
    if record.approval_token is None or record.approval_subject is None:
        found = f"{message.execution_id} does not wait for an approval."
        raise invalid("action", found, "Look at the execution: what does it wait for?")
    asked = Subject(record.approval_subject)
    if message.subject not in (None, asked):
        found = f"{message.execution_id} asks for the approval of its {asked.value}."
        raise invalid("subject", found, f"Write {asked.value!r}, if you approve of that.")
    return asked


def repeated(
    message: ApprovalMessage, answers: Sequence[ApprovalAnswer], approvers: int
) -> ApprovalAnswer | None:
    """The same person's earlier answer that the message repeats, None: it is a new one.

    Raises ApprovalInvalidError where it contradicts what that person said, or what is decided.
    """
    own = next((answer for answer in answers if answer.person == person_of(message.by)), None)
    if own is not None and own.approved == message.approved:
        return own
    if own is not None:
        raise _too_late(own)
    verdict = decided(answers, approvers)
    if verdict is not None and verdict != message.approved:
        raise _too_late(next(answer for answer in answers if answer.approved == verdict))
    return None


def answer_text(answer: ApprovalAnswer) -> str:
    """One answer for the operators."""
    what = "Approved" if answer.approved else "Rejected"
    of = " (the cutover)" if answer.subject is Subject.CUTOVER else ""
    how = "the name is stated, not verified" if answer.identity is Identity.STATED else "verified"
    return f"{what}{of} by {answer.by} because: {answer.reason} ({how})"


def outcome_text(answers: Sequence[ApprovalAnswer], approvers: int) -> str:
    """What the answers come to."""
    verdict = decided(answers, approvers)
    if verdict is not None:
        return "It goes on." if verdict else "It is cancelled."
    left = still_needed(answers, approvers)
    people = f"{left} more people must" if left > 1 else "One more person must"
    return f"{people} approve: the plan asks for {approvers} approvers."


def invalid(path: str, found: str, remedy: str) -> ApprovalInvalidError:
    return ApprovalInvalidError([Problem(path, found, remedy)])


def _too_late(answer: ApprovalAnswer) -> ApprovalInvalidError:
    found = f"{answer.by} has {'approved' if answer.approved else 'rejected'} it."
    return invalid("action", found, "To stop it now, send CANCEL to ControlExecution.")
