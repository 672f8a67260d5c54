"""What pauses a wave, and what takes it or one of its servers out: the rules, read before every step.

A wave has begun when the half that must respect the order has: with BY_WAVE its launch, with TOGETHER its
start. A pause between waves (NEXT_WAVE) lets those continue that have begun; a pause before a wave keeps it
from what it has not begun yet; a pause at once (NOW) stops every new job and every start. A start that has
begun is never cut in half: its instances are verified.
"""

from __future__ import annotations

from collections.abc import Iterable

from shared.model.execution import ExecutionRecord, Pause, WaveRecord
from shared.model.policies import FailbackPolicies, LaunchOrder
from shared.model.server import ServerRecord
from shared.model.status import PausePoint


def launch_pause(record: ExecutionRecord, wave: WaveRecord) -> str | None:
    """Why no new DRS job may be started for the wave now; None: continue."""
    return _paused_by(record.pauses, wave, begun=wave.started_at is not None)


def start_pause(record: ExecutionRecord, wave: WaveRecord) -> str | None:
    """Why no launched instance of the wave may be started now; None: continue."""
    if wave.start_began_at is not None:
        return None
    by_wave = record.launch_order is LaunchOrder.BY_WAVE
    return _paused_by(record.pauses, wave, begun=by_wave and wave.started_at is not None)


def cutover_pause(record: ExecutionRecord, policies: FailbackPolicies) -> str | None:
    """Why a failback must not begin its cutover now; None: continue.

    Where the workload is quiesced, all servers stop together: then a pause before any wave counts.
    """
    for pause in record.pauses:
        if pause.when is not PausePoint.BEFORE_WAVE or policies.quiesce:
            return _worded(pause)
    return None


def withdrawal(record: ExecutionRecord, wave: WaveRecord, server: ServerRecord | None = None) -> str | None:
    """Who took the wave, or this server of it, out of the execution, and why; None: it takes part."""
    if record.cancellation is not None:
        return f"{record.cancellation.by} cancelled the execution: {record.cancellation.reason}"
    return wave.skip or (server.skip if server is not None else None)


def slot_wait_since(record: ExecutionRecord, wave: WaveRecord) -> str | None:
    """From when on the wave's wait for a slot counts: its launch, or the last resume. ISO 8601."""
    return max((at for at in (wave.started_at, record.resumed_at) if at), default=None)


def _paused_by(pauses: Iterable[Pause], wave: WaveRecord, *, begun: bool) -> str | None:
    for pause in pauses:
        between = pause.when is PausePoint.NEXT_WAVE and not begun
        before = pause.when is PausePoint.BEFORE_WAVE and pause.wave == wave.name
        if between or before or pause.when is PausePoint.NOW:
            return _worded(pause)
    return None


def _worded(pause: Pause) -> str:
    return f"{pause.by} paused it: {pause.reason}"
