"""Nothing is begun for a frozen plan."""

from __future__ import annotations

from shared.model.execution import ExecutionRecord
from shared.rules.control.undo import is_undone
from shared.store.freezes import FreezeStore


class FrozenError(Exception):
    """The plan is frozen. The state machines call the state again until it is released."""


def refuse_frozen(executions_table: str, record: ExecutionRecord, freeze_function: str) -> None:
    """Raises FrozenError with who froze the plan, and how it is released.

    A cancelled execution begins nothing, unless it is undone: it may end, and restart its workload.
    """
    if record.cancellation is not None and not is_undone(record):
        return
    if freeze := FreezeStore(executions_table).of(record.plan_name):
        release = (
            f'{{"action": "RELEASE", "plan": "{freeze.plan}", "by": "YOUR NAME", "reason": "YOUR REASON"}}'
        )
        raise FrozenError(
            f"{freeze.text}. To release it: aws lambda invoke --function-name {freeze_function} "
            f"--payload fileb:///dev/stdin /dev/stdout <<< '{release}'"
        )
