"""PlanWaves: from checked servers to waves, jobs and an estimate, and whether to go on at all."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from typing import Any

from shared.model.drs import SourceServer
from shared.model.execution import WaveRecord
from shared.model.policies import Mode
from shared.model.quotas import KnownLimits
from shared.model.scope import Scope
from shared.model.server import ServerChange, ServerRecord
from shared.model.status import ServerStatus, WaveStatus
from shared.rules.waves.outcome import blocked_decision
from shared.rules.waves.recovery_estimate import failback_estimate, launch_seconds, start_seconds
from shared.rules.waves.wave_planner import (
    WaveLoad,
    estimate,
    launched_at_once,
    plan_batches,
    wave_levels,
    ways_to_the_end,
)
from shared.services.opened_execution import OpenedExecution
from shared.settings import ConfigurationSettings
from shared.task import Run, task

NAME_LIMIT = 80
"""Step Functions takes execution names of at most 80 characters (API reference, StartExecution)."""


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId}`` → ``{decision, waves: [{name, executionName}], ready, blocked, estimateSeconds}``.

    ``launchOrder`` is in the answer too. ``decision`` is DRY_RUN, PROCEED, BLOCKED or NOTHING_TO_DO.
    """
    store = run.store
    execution = run.execution
    servers = store.servers(run.execution_id)
    ready = [server for server in servers if server.status is ServerStatus.READY]
    by_wave = {
        wave.name: [server for server in ready if server.wave == wave.name] for wave in execution.plan.waves
    }
    limits = {known.scope: known.limits for known in store.facts(run.execution_id, KnownLimits)}
    at_once = launched_at_once(execution.plan.waves, by_wave, execution.policies.launch_order)
    batches = {name: plan_batches(members, limits, at_once[name]) for name, members in by_wave.items()}
    sources = {s.source_server_id: s for s in store.facts(run.execution_id, SourceServer)}
    loads = {name: _load(members, sources, batches[name]) for name, members in by_wave.items()}
    ways = ways_to_the_end(
        execution.plan.waves,
        {
            name: launch_seconds(load, execution.policies.recovery_mode) + start_seconds(load)
            for name, load in loads.items()
        },
    )
    store.change_servers(
        run.execution_id,
        [
            ServerChange(server, {"batch": batch})
            for name, members in by_wave.items()
            for server in members
            if (batch := batches[name][server.source_server_id]) != server.batch
        ],
        only_from=(ServerStatus.READY,),
    )
    store.put_waves(
        run.execution_id,
        [
            WaveRecord(
                name=wave.name,
                depends_on=wave.depends_on,
                status=WaveStatus.PLANNED,
                batches=len(set(batches[wave.name].values())),
                servers=len(by_wave[wave.name]),
                priority=round(ways[wave.name], 1),
            )
            for wave in execution.plan.waves
        ],
    )
    seconds = _seconds(execution, loads, ready, sources)
    store.change_execution(run.execution_id, {"estimate_seconds": seconds})
    # Step Functions runs at most 40 of them at once: a wave must not wait for one that cannot start.
    in_order = [name for level in wave_levels(execution.plan.waves) for name in level]
    decision = blocked_decision(execution.policies, servers)
    return {
        "decision": "DRY_RUN" if execution.record.dry_run else decision.value,
        "waves": [{"name": name, "executionName": _child_name(run.execution_id, name)} for name in in_order],
        "ready": len(ready),
        "blocked": sum(server.status is ServerStatus.BLOCKED for server in servers),
        "estimateSeconds": seconds,
        "launchOrder": execution.policies.launch_order.value,
    }


def _seconds(
    execution: OpenedExecution,
    loads: dict[str, WaveLoad],
    ready: list[ServerRecord],
    sources: dict[str, SourceServer],
) -> int:
    waves, policies = execution.plan.waves, execution.policies
    if execution.record.mode is not Mode.FAILBACK:
        return estimate(waves, loads, policies.launch_order, policies.recovery_mode).seconds
    to_copy: dict[Scope, list[int]] = {}
    for server in ready:
        source = sources.get(server.source_server_id)
        if source is not None and server.reversed_server_id is None:
            to_copy.setdefault(server.scope, []).append(sum(disk.size for disk in source.disks))
    # Every scope copies on its own: the one with the most bytes is the last.
    most = max(to_copy.values(), key=sum, default=[])
    return failback_estimate(waves, loads, policies.launch_order, policies.recovery_mode, most).seconds


def _load(servers: list[ServerRecord], sources: dict[str, SourceServer], batches: dict[str, int]) -> WaveLoad:
    windows = sum(
        (source := sources.get(server.source_server_id)) is not None and source.platform == "windows"
        for server in servers
    )
    largest = max(Counter(batches.values()).values(), default=0)
    return WaveLoad(linux=len(servers) - windows, windows=windows, largest_job=largest)


def _child_name(execution_id: str, wave: str) -> str:
    """A name for the wave's own execution: the same at every try, and one for each wave."""
    name = f"{execution_id}-{wave}"
    if len(name) <= NAME_LIMIT:
        return name
    digest = sha256(name.encode()).hexdigest()[:12]
    return f"{execution_id[:40]}-{wave[:26]}-{digest}"
