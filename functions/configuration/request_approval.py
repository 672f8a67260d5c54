"""ApproveStart: ask the operators whether the execution may go on, and tell them how to answer."""

from __future__ import annotations

from typing import Any

from shared.notifications import notify
from shared.opened_execution import opened
from shared.settings import ConfigurationSettings
from shared.store import execution_store
from shared.task import Task, task

QUESTION = """\
Execution {execution_id} of plan {plan} ({mode}) waits for your approval.
Reason given: {reason}. Requested by: {requested_by}.

To approve:
aws stepfunctions send-task-success --task-token '{token}' --task-output '{{"approvedBy": "YOUR NAME"}}'

To reject:
aws stepfunctions send-task-failure --task-token '{token}' --error ApprovalRejected --cause 'YOUR REASON'

Without an answer within {hours} hours it is cancelled. Nothing has been changed so far.
"""


@task
def handler(task: Task) -> dict[str, Any]:
    """``{executionId, taskToken, timeoutSeconds}`` → ``{}``; the state waits for the token."""
    settings = ConfigurationSettings.from_env()
    store = execution_store(settings.executions_table)
    execution = opened(store, task.execution_id)
    token = task.text("taskToken")
    store.change_execution(task.execution_id, {"approval_token": token})
    request = execution.record.request
    notify(
        settings.topic_arn,
        f"{execution.plan.name}: approval needed",
        QUESTION.format(
            execution_id=task.execution_id,
            plan=execution.plan.name,
            mode=execution.record.mode.value,
            reason=request.get("reason", "none"),
            requested_by=request.get("requestedBy", "unknown"),
            token=token,
            hours=task.number("timeoutSeconds") // 3600,
        ),
    )
    return {}
