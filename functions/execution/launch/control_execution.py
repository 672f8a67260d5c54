"""Takes what people, and events, tell a running execution: pause, resume, skip, retry, cancel, approve."""

from __future__ import annotations

import os
from typing import Any

from shared.model.policies import Mode
from shared.rules.control.messages import parse_message
from shared.services.controller import Controller, Controls
from shared.settings import ExecutionSettings
from shared.store import execution_store
from shared.task import Task, task


@task
def handler(task: Task) -> dict[str, Any]:
    """A message (shared/schemas/control.schema.json), or an EventBridge event with one as its detail →
    ``{executionId, action, id, result, toResume?, retry?}``, the same for the same message.

    Raises ControlInvalidError and ControlBusyError.
    """
    settings = ExecutionSettings.from_env()
    failover, failback = (os.environ[f"{name}_STATE_MACHINE_ARN"] for name in ("FAILOVER", "FAILBACK"))
    controls = Controls(
        machines={Mode.FAILOVER: failover, Mode.DRILL: failover, Mode.FAILBACK: failback},
        topic_arn=settings.topic_arn,
        function_name=settings.control_function,
    )
    store = execution_store(settings.executions_table)
    document = {
        key: value for key, value in task.event.items() if key != "now"
    }  # the task's, not the message's
    return Controller(store, controls, task.now).tell(parse_message(document))
