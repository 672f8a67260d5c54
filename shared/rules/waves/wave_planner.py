"""How waves are cut into DRS jobs, and in what order they ask for slots."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from shared.model.policies import LaunchOrder
from shared.model.quotas import ScopeLimits
from shared.model.scope import Scope
from shared.model.server import ServerRecord
from shared.rules.waves.recovery_estimate import CONTENTION_FROM, Estimate, Wave, WaveLoad, estimate

__all__ = [
    "Estimate",
    "Wave",
    "WaveLoad",
    "critical_path",
    "estimate",
    "launched_at_once",
    "plan_batches",
    "wave_levels",
    "ways_to_the_end",
]


FEWEST = CONTENTION_FROM
"""Jobs with fewer servers than this are no quicker, as far as is known."""


def plan_batches(
    servers: Sequence[ServerRecord],
    limits: Mapping[Scope, ScopeLimits] | None = None,
    at_once: Mapping[Scope, int] | None = None,
) -> dict[str, int]:
    """The batch of every server of one wave: source server id -> number, from 1.

    A batch holds servers of one scope, and becomes one job. A job holds its places until its slowest server
    is through, and is the slower the more servers it has: so batches are as small as lets the quota of jobs
    hold as many servers as the quota of servers does, and in a scope they differ by at most one server.
    ``limits``: of scopes that have others than DRS by default. ``at_once``: how many servers are to launch
    in a scope at the same time, those of other waves included; by default those of this wave. The order of
    ``servers`` does not matter. Numbers are unique over the scopes of the wave.
    """
    by_scope: defaultdict[Scope, list[ServerRecord]] = defaultdict(list)
    for server in servers:
        by_scope[server.scope].append(server)
    batches: dict[str, int] = {}
    first = 1
    for scope in sorted(by_scope):
        members = sorted(by_scope[scope], key=lambda server: (server.name, server.source_server_id))
        known = (limits or {}).get(scope, ScopeLimits())
        count = _batches(len(members), (at_once or {}).get(scope, len(members)), known)
        for place, server in enumerate(members):
            batches[server.source_server_id] = first + place * count // len(members)
        first += count
    return batches


def _batches(servers: int, at_once: int, limits: ScopeLimits) -> int:
    size = max(FEWEST, -(-min(at_once, limits.servers_in_jobs) // limits.jobs))
    return max(-(-servers // limits.largest_job), servers // size, 1)


def launched_at_once(
    waves: Sequence[Wave], by_wave: Mapping[str, Sequence[ServerRecord]], order: LaunchOrder
) -> dict[str, Counter[Scope]]:
    """By wave, how many servers of each scope are to launch at the same time as its own, these included.

    TOGETHER: all. BY_WAVE: those of the waves of its level, about.
    """
    groups = [[wave.name for wave in waves]] if order is LaunchOrder.TOGETHER else wave_levels(waves)
    counts: dict[str, Counter[Scope]] = {}
    for group in groups:
        count = Counter(server.scope for name in group for server in by_wave.get(name, ()))
        counts.update(dict.fromkeys(group, count))
    return counts


def wave_levels(waves: Sequence[Wave]) -> tuple[tuple[str, ...], ...]:
    """Wave names by depth: the first level depends on nothing, each next one on the levels before.

    ``waves`` must be without cycles and name only each other, as those of a Plan are.
    """
    needs = {wave.name: wave.depends_on for wave in waves}
    depth: dict[str, int] = {}

    def depth_of(name: str) -> int:
        if name not in depth:
            depth[name] = 1 + max((depth_of(needed) for needed in needs[name]), default=-1)
        return depth[name]

    levels: defaultdict[int, list[str]] = defaultdict(list)
    for wave in waves:
        levels[depth_of(wave.name)].append(wave.name)
    return tuple(tuple(levels[level]) for level in sorted(levels))


def critical_path(waves: Sequence[Wave], weights: Mapping[str, float]) -> tuple[str, ...]:
    """Wave names, the one with the longest way to the end first; never before one it depends on.

    ``weights``: how long each wave takes, in any unit, default 1. ``waves`` as for ``wave_levels``.
    """
    way = ways_to_the_end(waves, weights)
    # Sorting is stable and no way is longer than that of a wave it depends on: the order of levels holds.
    return tuple(sorted(_in_order(waves), key=lambda name: -way[name]))


def ways_to_the_end(waves: Sequence[Wave], weights: Mapping[str, float]) -> dict[str, float]:
    """By wave, how long it and the longest chain of waves after it take, in the unit of ``weights``."""
    order = _in_order(waves)
    followers: defaultdict[str, list[str]] = defaultdict(list)
    for wave in waves:
        for needed in wave.depends_on:
            followers[needed].append(wave.name)
    way: dict[str, float] = {}
    for name in reversed(order):
        way[name] = weights.get(name, 1.0) + max((way[after] for after in followers[name]), default=0.0)
    return way


def _in_order(waves: Sequence[Wave]) -> list[str]:
    return [name for level in wave_levels(waves) for name in level]
