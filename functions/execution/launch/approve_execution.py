"""ApproveExecution: record an operator's answer to a request for approval.

A function of its own, so that IAM can grant approving apart from pause, cancel and retry.
"""

from __future__ import annotations

from typing import Any

from shared.rules.control.approval_messages import parse_approval
from shared.services.approver import Approver
from shared.settings import LaunchSettings
from shared.task import Run, task


@task(LaunchSettings, own_clock=True)
def handler(run: Run[LaunchSettings]) -> dict[str, Any]:
    """A message (shared/schemas/approval.schema.json) → ``{executionId, action, subject, by, result}``.

    Raises ApprovalInvalidError.
    """
    document = {key: value for key, value in run.event.items() if key != "now"}
    return Approver(run.store, run.settings.topic_arn, run.now).take(parse_approval(document))
