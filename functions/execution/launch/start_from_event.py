"""Starts what a *Disaster Declared* event asks for; the event's id makes it start once."""

from __future__ import annotations

import os
from typing import Any

from shared.aws.step_functions import start
from shared.model.policies import Mode
from shared.rules.plan.requests import request_from_event
from shared.task import Task, task


@task
def handler(task: Task) -> dict[str, Any]:
    """The EventBridge event → ``{executionName, started}``. Raises RequestInvalidError."""
    request = request_from_event(task.event)
    name = f"event-{task.text('id')}"
    machine = "FAILBACK" if request.get("mode") == Mode.FAILBACK else "FAILOVER"
    return {
        "executionName": name,
        "started": start(os.environ[f"{machine}_STATE_MACHINE_ARN"], name, request),
    }
