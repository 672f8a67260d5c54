"""Wakes the waves that wait for others, once what they depend on is done."""

from __future__ import annotations

from collections.abc import Collection

from shared.outcome import Readiness, dependency_verdict
from shared.store import ExecutionStore
from shared.workflows import answer


def wake_if_ready(
    store: ExecutionStore, execution_id: str, names: Collection[str] | None = None
) -> list[str]:
    """Answer the waiting waves (of ``names``, if given) whose dependencies let them go on, or skip them.

    Returns who was woken. Waking twice is harmless: an answered token is void.
    """
    waves = store.waves(execution_id)
    woken = []
    for wave in waves:
        if wave.token is None or wave.status.is_final or (names is not None and wave.name not in names):
            continue
        verdict = dependency_verdict(wave, waves)
        if verdict.readiness is Readiness.WAIT:
            continue
        if answer(wave.token, {"verdict": verdict.readiness.value, "reason": verdict.reason or ""}):
            store.change_wave(execution_id, wave.name, {"token": None})
            woken.append(wave.name)
    return woken
