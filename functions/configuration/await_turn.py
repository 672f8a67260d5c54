"""AwaitTurn: register a wave's task token; it is called back when it is the wave's turn."""

from __future__ import annotations

from typing import Any

from shared.aws.step_functions import answer
from shared.model.execution import WaveFields
from shared.model.status import Turn
from shared.services.pause_reminder import remind_of_pause
from shared.services.release_waves import resume_if_ready
from shared.settings import ConfigurationSettings
from shared.task import Run, task


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId, wave, half, taskToken}`` → ``{}``; ``half`` is LAUNCH or START.

    The state awaits ``{verdict, reason}``: READY or SKIP. Called again while a pause lasts, it reminds of it.
    """
    store = run.store
    token = run.text("taskToken")
    asked: WaveFields = {"token": token, "awaits": Turn(run.text("half"))}
    if not store.change_wave(run.execution_id, run.wave, asked):
        answer(token, {"verdict": "SKIP", "reason": "The wave has ended already."})
        return {}
    # Checked only now: a wave that ends, or a resume that comes, after this finds the token.
    resume_if_ready(store, run.execution_id, run.now, {run.wave})
    remind_of_pause(store, run.execution, run.settings, run.now)
    return {}
