"""Answers to requests for approval: one item for each person and subject, written once."""

from __future__ import annotations

from shared.model.approval import ApprovalAnswer, Subject
from shared.serialization import from_item, to_item
from shared.store.execution_items import ExecutionItems
from shared.store.reads import query
from shared.store.writes import put_once, write_one


class ApprovalItems(ExecutionItems):
    """The answers, in a partition of their own: only ApproveExecution can write it."""

    def put_answer(self, execution_id: str, answer: ApprovalAnswer) -> bool:
        """Record it. False where the person has answered before: that answer stays."""
        item = {
            "pk": approval_partition(execution_id),
            "sk": f"{answer.subject}#{answer.person}",
            **to_item(answer),
            **self.expiry(execution_id),
        }
        return write_one(put_once(self.table_name, item))

    def answers(self, execution_id: str, subject: Subject | None = None) -> list[ApprovalAnswer]:
        """Every answer, or those to one question, the oldest first."""
        asked = [subject] if subject else list(Subject)
        partition = approval_partition(execution_id)
        items = [item for one in asked for item in query(self.table_name, [partition], f"{one}#")]
        return sorted((from_item(item, ApprovalAnswer) for item in items), key=lambda one: (one.at, one.by))


def approval_partition(execution_id: str) -> str:
    return f"APPROVAL#{execution_id}"
