"""ReadApproval: whether the operators have decided. A task token alone approves nothing."""

from __future__ import annotations

from typing import Any

from shared.rules.control.approvals import Subject, standing
from shared.settings import QuerySettings
from shared.task import Run, task


@task(QuerySettings)
def handler(run: Run[QuerySettings]) -> dict[str, Any]:
    """``{executionId, subject: START | CUTOVER, timeoutSeconds, failure?}`` → ``{approved, over, …}``.

    ``over``: it is not approved, with ``error`` and ``cause``. Else it is to be waited for ``waitSeconds``,
    whatever has ended the last wait; ``leftSeconds``: until its end. ``failure``: {Error, Cause} of that.
    """
    record = run.execution.record
    decision = record.decision
    found = standing(
        record,
        Subject(run.text("subject")),
        run.now,
        run.number("timeoutSeconds"),
        run.event.get("failure"),
        run.store.control(run.execution_id, decision.control_id) if decision is not None else None,
    )
    return {
        "approved": found.approved,
        "over": found.error is not None,
        "error": found.error,
        "cause": found.cause,
        "waitSeconds": found.wait_seconds,
        "leftSeconds": found.left_seconds,
    }
