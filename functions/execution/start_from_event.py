"""Starts the failover that a *Disaster Declared* event asks for; the event's id makes it start once."""

from __future__ import annotations

import os
from typing import Any

from shared.request import request_from_event
from shared.task import Task, task
from shared.workflows import start


@task
def handler(task: Task) -> dict[str, Any]:
    """The EventBridge event → ``{executionName, started}``. Raises RequestInvalidError."""
    request = request_from_event(task.event)
    name = f"event-{task.text('id')}"
    return {"executionName": name, "started": start(os.environ["FAILOVER_STATE_MACHINE_ARN"], name, request)}
