"""From ready servers to waves, batches and an estimate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from shared.model.drs import SourceServer
from shared.model.execution import WaveRecord
from shared.model.plan import Plan
from shared.model.policies import Mode, Policies
from shared.model.quotas import ScopeLimits
from shared.model.scope import Scope
from shared.model.server import Change, ServerRecord
from shared.model.status import WaveStatus
from shared.rules.waves.recovery_estimate import failback_estimate, launch_seconds, start_seconds
from shared.rules.waves.wave_planner import (
    WaveLoad,
    estimate,
    launched_at_once,
    plan_batches,
    wave_levels,
    ways_to_the_end,
)

NAME_LIMIT = 80
"""Step Functions takes execution names of at most 80 characters (API reference, StartExecution)."""


@dataclass(frozen=True, slots=True)
class WavePlan:
    """``changes`` give servers their batch; ``order``: wave names, each after those it depends on."""

    changes: tuple[Change, ...]
    waves: tuple[WaveRecord, ...]
    order: tuple[str, ...]
    seconds: int


def plan_waves(
    plan: Plan,
    policies: Policies,
    mode: Mode,
    ready: Sequence[ServerRecord],
    limits: Mapping[Scope, ScopeLimits],
    sources: Mapping[str, SourceServer],
) -> WavePlan:
    """``ready``: the servers that passed the checks; ``sources`` by source server id."""
    by_wave = {wave.name: [server for server in ready if server.wave == wave.name] for wave in plan.waves}
    at_once = launched_at_once(plan.waves, by_wave, policies.launch_order)
    batches = {name: plan_batches(members, limits, at_once[name]) for name, members in by_wave.items()}
    loads = {name: _load(members, sources, batches[name]) for name, members in by_wave.items()}
    durations = {
        name: launch_seconds(load, policies.recovery_mode) + start_seconds(load)
        for name, load in loads.items()
    }
    ways = ways_to_the_end(plan.waves, durations)
    changes = [
        Change(server, replace(server, batch=batches[name][server.source_server_id]))
        for name, members in by_wave.items()
        for server in members
    ]
    waves = [
        WaveRecord(
            name=wave.name,
            depends_on=wave.depends_on,
            status=WaveStatus.PLANNED,
            batches=len(set(batches[wave.name].values())),
            servers=len(by_wave[wave.name]),
            priority=round(ways[wave.name], 1),
        )
        for wave in plan.waves
    ]
    return WavePlan(
        changes=tuple(change for change in changes if change.values),
        waves=tuple(waves),
        # Step Functions runs at most 40 of them at once: a wave must not wait for one that cannot start.
        order=tuple(name for level in wave_levels(plan.waves) for name in level),
        seconds=_seconds(plan, policies, mode, loads, ready, sources),
    )


def child_name(execution_id: str, wave: str) -> str:
    """A name for the wave's own execution: the same at every attempt, and one for each wave."""
    name = f"{execution_id}-{wave}"
    if len(name) <= NAME_LIMIT:
        return name
    digest = sha256(name.encode()).hexdigest()[:12]
    return f"{execution_id[:40]}-{wave[:26]}-{digest}"


def _seconds(
    plan: Plan,
    policies: Policies,
    mode: Mode,
    loads: dict[str, WaveLoad],
    ready: Sequence[ServerRecord],
    sources: Mapping[str, SourceServer],
) -> int:
    order, recovery_mode = policies.launch_order, policies.recovery_mode
    if mode is not Mode.FAILBACK:
        return estimate(plan.waves, loads, order, recovery_mode).seconds
    to_copy: dict[Scope, list[int]] = {}
    for server in ready:
        source = sources.get(server.source_server_id)
        if source is not None and server.failback.reversed_server_id is None:
            to_copy.setdefault(server.scope, []).append(sum(disk.size for disk in source.disks))
    # Every scope copies on its own: the one with the most bytes is the last.
    most = max(to_copy.values(), key=sum, default=[])
    return failback_estimate(plan.waves, loads, order, recovery_mode, most).seconds


def _load(
    servers: Sequence[ServerRecord], sources: Mapping[str, SourceServer], batches: Mapping[str, int]
) -> WaveLoad:
    known = [sources.get(server.source_server_id) for server in servers]
    windows = sum(source is not None and source.platform == "windows" for source in known)
    largest = max(Counter(batches.values()).values(), default=0)
    return WaveLoad(linux=len(servers) - windows, windows=windows, largest_job=largest)
