"""Starts what a *Disaster Declared* event asks for; the event's id makes it start once."""

from __future__ import annotations

from typing import Any

from shared.aws.step_functions import start
from shared.model.policies import Mode
from shared.rules.plan.requests import request_from_event
from shared.settings import LaunchSettings, state_machines
from shared.task import Run, task


@task(LaunchSettings)
def handler(run: Run[LaunchSettings]) -> dict[str, Any]:
    """The EventBridge event → ``{executionName, started}``. Raises RequestInvalidError."""
    request = request_from_event(run.event)
    name = f"event-{run.text('id')}"
    machine = state_machines()[Mode(request.get("mode") or Mode.FAILOVER)]
    return {"executionName": name, "started": start(machine, name, request)}
