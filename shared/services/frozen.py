"""Nothing is begun for a frozen plan."""

from __future__ import annotations

from shared.store.freezes import FreezeStore


class FrozenError(Exception):
    """The plan is frozen. The state machines call the state again until it is released."""


def refuse_frozen(executions_table: str, plan: str, freeze_function: str) -> None:
    """Raises FrozenError with who froze it, and how it is released."""
    if freeze := FreezeStore(executions_table).of(plan):
        release = (
            f'{{"action": "RELEASE", "plan": "{freeze.plan}", "by": "YOUR NAME", "reason": "YOUR REASON"}}'
        )
        raise FrozenError(
            f"{freeze.text}. To release it: aws lambda invoke --function-name {freeze_function} "
            f"--payload fileb:///dev/stdin /dev/stdout <<< '{release}'"
        )
