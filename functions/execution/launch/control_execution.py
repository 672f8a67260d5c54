"""ControlExecution: carry out an operator action: pause, resume, skip, retry, cancel."""

from __future__ import annotations

from typing import Any

from shared.rules.control.messages import parse_message
from shared.services.controller import Controller, Controls
from shared.settings import LaunchSettings, state_machines
from shared.task import Run, task


@task(LaunchSettings, own_clock=True)
def handler(run: Run[LaunchSettings]) -> dict[str, Any]:
    """A message (shared/schemas/control.schema.json), or an EventBridge event with one as its detail →
    ``{executionId, action, id, result, toResume?, retry?}``, the same for the same message.

    Raises ControlInvalidError and ControlBusyError.
    """
    controls = Controls(
        machines=state_machines(),
        topic_arn=run.settings.topic_arn,
        function_name=run.settings.control_function,
    )
    document = {key: value for key, value in run.event.items() if key != "now"}
    return Controller(run.store, controls, run.now).carry_out(parse_message(document))
