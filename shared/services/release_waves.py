"""Resumes the waves that wait for their turn, once nothing keeps them from it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from shared.aws.step_functions import answer
from shared.model.execution import WaveFields
from shared.model.status import Turn
from shared.rules.control.turns import turn_of
from shared.rules.waves.outcome import Readiness
from shared.services.withdrawals import withdraw_skipped
from shared.store import ExecutionStore
from shared.times import iso


def resume_if_ready(
    store: ExecutionStore, execution_id: str, now: datetime, names: Collection[str] | None = None
) -> list[str]:
    """Answer the waiting waves (of ``names``, if given) whose turn it is, or which are to be skipped.

    Returns the resumed waves. A repeated call is harmless: an answered token is void.
    """
    record = store.execution(execution_id)
    waves = store.waves(execution_id)
    resumed = []
    for wave in waves:
        if wave.token is None or wave.status.is_final or (names is not None and wave.name not in names):
            continue
        verdict = turn_of(record, wave, waves)
        if verdict.readiness is Readiness.WAIT:
            continue
        if record.servers_skipped:
            withdraw_skipped(store, record, wave)
        if answer(wave.token, {"verdict": verdict.readiness.value, "reason": verdict.reason or ""}):
            values: WaveFields = {"token": None, "awaits": None}
            if wave.awaits is Turn.START and verdict.readiness is Readiness.READY:
                values["start_began_at"] = iso(now)
            store.change_wave(execution_id, wave.name, values)
            resumed.append(wave.name)
    return resumed
