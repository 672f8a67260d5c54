"""Records the answers of operators to requests for approval, and resumes the execution that waits."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shared.aws.sns import notify
from shared.aws.step_functions import answer as answer_task
from shared.aws.step_functions import reject
from shared.model.approval import ApprovalAnswer
from shared.model.execution import ExecutionRecord
from shared.rules.control.approval_messages import (
    APPROVE,
    REJECT,
    ApprovalInvalidError,
    ApprovalMessage,
    answer_text,
    outcome_text,
    question,
    repeated,
)
from shared.rules.control.approvals import decided
from shared.rules.control.messages import unknown_execution
from shared.store import ExecutionNotFoundError, ExecutionStore
from shared.times import iso


class Approver:
    """The answer is recorded first; the rest is repeated when the message is, and harmless."""

    def __init__(self, store: ExecutionStore, topic_arn: str, now: datetime) -> None:
        self._store = store
        self._topic = topic_arn
        self._now = now

    def take(self, message: ApprovalMessage) -> dict[str, Any]:
        """``{executionId, action, subject, by, result}``; the same for the same person's same message.

        Raises ApprovalInvalidError.
        """
        record = self._record(message.execution_id)
        subject = question(message, record)
        known = self._store.answers(message.execution_id, subject)
        given = repeated(message, known, record.approvers)
        is_new = given is None
        if given is None:
            given = ApprovalAnswer(subject, message.approved, message.by, message.reason, iso(self._now))
            if not self._store.put_answer(message.execution_id, given):
                return self.take(message)  # the same person's other message came first: judge by that
        answers = self._store.answers(message.execution_id, subject)
        text = f"{answer_text(given)}. {outcome_text(answers, record.approvers)}"
        self._resume(record, decided(answers, record.approvers), given)
        if is_new:
            done = "approved" if given.approved else "rejected"
            title = f"{record.plan_name}: {done} by {given.by}"
            notify(self._topic, title, f"Execution {record.execution_id} of plan {record.plan_name}: {text}")
        return {
            "executionId": record.execution_id,
            "action": APPROVE if given.approved else REJECT,
            "subject": subject.value,
            "by": given.by,
            "result": text,
        }

    def _record(self, execution_id: str) -> ExecutionRecord:
        try:
            return self._store.execution(execution_id)
        except ExecutionNotFoundError:
            raise ApprovalInvalidError([unknown_execution(execution_id)]) from None

    def _resume(self, record: ExecutionRecord, verdict: bool | None, given: ApprovalAnswer) -> None:
        """The execution reads the answers itself; the token only ends its wait."""
        if record.approval_token and verdict is True:
            answer_task(record.approval_token, {"approvedBy": given.by})
        if record.approval_token and verdict is False:
            reject(record.approval_token, "ApprovalRejected", f"{given.by}: {given.reason}")
