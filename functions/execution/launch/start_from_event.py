"""Starts what a *Disaster Declared* event asks for; the event's id makes it start once."""

from __future__ import annotations

from typing import Any

from shared.aws.sns import notify
from shared.aws.step_functions import start
from shared.model.policies import Mode
from shared.rules.control.opening import refused_event
from shared.rules.plan.requests import RequestInvalidError, request_from_event
from shared.settings import LaunchSettings, state_machines
from shared.task import Run, task


@task(LaunchSettings)
def handler(run: Run[LaunchSettings]) -> dict[str, Any]:
    """The EventBridge event → ``{executionName, started}``; ``{refused}`` for one that is not valid."""
    try:
        request = request_from_event(run.event)
    except RequestInvalidError as error:
        # No one reads the answer to an event: the notification is all that operators see.
        notify(run.settings.topic_arn, *refused_event(str(run.event.get("id")), str(error)))
        return {"refused": str(error)}
    name = f"event-{run.text('id')}"
    machine = state_machines()[Mode(request.get("mode") or Mode.FAILOVER)]
    return {"executionName": name, "started": start(machine, name, request)}
