"""Whether it is a wave's turn to launch or to start: what depends on other waves, and on operator actions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from shared.model.execution import ExecutionRecord, WaveRecord
from shared.model.policies import LaunchOrder, Mode
from shared.model.status import Turn
from shared.rules.control.pauses import launch_pause, start_pause, withdrawal
from shared.rules.waves.outcome import DependencyVerdict, Readiness, dependency_verdict

_IN_ORDER = {LaunchOrder.BY_WAVE: Turn.LAUNCH, LaunchOrder.TOGETHER: Turn.START}
"""The half that must respect the order of the waves."""


def turn_of(record: ExecutionRecord, wave: WaveRecord, waves: Sequence[WaveRecord]) -> DependencyVerdict:
    """Whether the wave may do what it waits for (``wave.awaits``), must wait, or is to be skipped.

    A cancellation or a skip comes first, then a pause: while it lasts nothing is decided that is final.
    """
    if reason := withdrawal(record, wave):
        return DependencyVerdict(Readiness.SKIP, reason)
    pause = launch_pause(record, wave) if wave.awaits is Turn.LAUNCH else start_pause(record, wave)
    if pause:
        return DependencyVerdict(Readiness.WAIT, pause)
    if wave.awaits is _IN_ORDER[record.launch_order]:
        return dependency_verdict(wave, waves)
    return DependencyVerdict(Readiness.READY)


def may_start(record: ExecutionRecord, name: str, waves: Callable[[], Sequence[WaveRecord]]) -> bool:
    """Whether the wave may start some of what it has launched while the rest still launches.

    In a failback all of a wave starts together: until then its workload runs on the other side.
    """
    if record.mode is Mode.FAILBACK:
        return False
    known = waves()
    wave = next(wave for wave in known if wave.name == name)
    return turn_of(record, replace(wave, awaits=Turn.START), known).readiness is Readiness.READY
