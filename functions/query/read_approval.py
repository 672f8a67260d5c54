"""ReadApproval: whether the operators have decided. A task token alone approves nothing."""

from __future__ import annotations

from typing import Any

from shared.model.approval import Subject
from shared.rules.control.approvals import standing
from shared.settings import QuerySettings
from shared.task import Run, task


@task(QuerySettings)
def handler(run: Run[QuerySettings]) -> dict[str, Any]:
    """``{executionId, subject, timeoutSeconds, approvers, failure?}`` → ``{approved, over, …}``.

    ``over``: it is not approved, with ``error`` and ``cause``. Else it is to be waited for ``waitSeconds``,
    whatever has ended the last wait; ``leftSeconds``: until its end. ``failure``: {Error, Cause} of that.
    """
    record = run.execution.record
    subject = Subject(run.text("subject"))
    found = standing(
        record,
        subject,
        run.now,
        run.number("timeoutSeconds"),
        run.event.get("failure"),
        run.store.answers(run.execution_id, subject),
        run.number("approvers"),
    )
    return {
        "approved": found.approved,
        "over": found.error is not None,
        "error": found.error,
        "cause": found.cause,
        "waitSeconds": found.wait_seconds,
        "leftSeconds": found.left_seconds,
    }
