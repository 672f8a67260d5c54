"""How waves are cut into DRS jobs, in what order they ask for room, and how long it will take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.model import LaunchOrder, RecoveryMode, ServerRecord

MAX_SERVERS_PER_JOB = 100
"""DRS quota L-B827C881, not adjustable (AWS General Reference, Elastic Disaster Recovery)."""


class Wave(Protocol):
    """PlannedWave and WaveRecord both are one."""

    @property
    def name(self) -> str: ...

    @property
    def depends_on(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class WaveLoad:
    """How many servers a wave launches, by platform."""

    linux: int = 0
    windows: int = 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds from the first launch to the last verified server, and to the end of each wave."""

    seconds: int
    wave_seconds: dict[str, int]


def plan_lots(servers: Sequence[ServerRecord], max_per_job: int = MAX_SERVERS_PER_JOB) -> dict[str, int]:
    """The lot of every server of one wave: source server id -> number, from 1.

    A lot holds servers of one scope, and becomes one job. Lots are as few as possible and, within a
    scope, differ by at most one server. The order of ``servers`` does not matter. Numbers are unique over
    the scopes of the wave.
    """
    raise NotImplementedError


def wave_levels(waves: Sequence[Wave]) -> tuple[tuple[str, ...], ...]:
    """Wave names by depth: the first level depends on nothing, each next one on the levels before."""
    raise NotImplementedError


def critical_path(waves: Sequence[Wave], weights: Mapping[str, float]) -> tuple[str, ...]:
    """Wave names, the one with the longest way to the end first; never before one it depends on.

    ``weights``: how long each wave takes, in any unit, default 1.
    """
    raise NotImplementedError


def estimate(
    waves: Sequence[Wave],
    loads: Mapping[str, WaveLoad],
    launch_order: LaunchOrder,
    recovery_mode: RecoveryMode,
) -> Estimate:
    """How long the waves take, from simulated medians: an orientation, not a promise."""
    raise NotImplementedError
