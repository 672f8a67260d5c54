"""The shortest possible makespan for what the emulator drew: a lower bound that no orchestrator can beat.

docs/benchmarks.md says what is fixed, what is free, and how good the bound is.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ortools.sat.python import cp_model

from benchmarks.cases import Wave
from benchmarks.sampled import Job, Sampled
from shared.model.policies import LaunchOrder
from shared.model.quotas import JOBS_IN_PROGRESS, SERVERS_IN_JOBS

Node = tuple[str, str]
END: Node = ("end", "")
TOLERANCE = 1e-6
EFFORT = 4.0
"""Of the search, in CP-SAT's deterministic time: some seconds of one core."""
TIMEOUT = 30.0
"""Real seconds after which the search ends on a machine that is too busy for its effort."""
MOST_LANES = 10


@dataclass(frozen=True)
class Problem:
    """What must follow what, and after how long at least.

    Nodes: ``("job", id)`` its start, ``("boot", server)`` the start of its instance, ``("wave", name)`` its
    end, and END.

    The jobs of one wave in one scope look alike before they run, so that which of them turns out
    to be slow is luck: their order stays as it was. With ``foresight`` it is free.
    """

    sampled: Sampled
    waves: Sequence[Wave]
    order: LaunchOrder
    foresight: bool = True

    @cached_property
    def arcs(self) -> Mapping[Node, Sequence[tuple[Node, float]]]:
        """From each node to those that follow it, with seconds between."""
        arcs: defaultdict[Node, list[tuple[Node, float]]] = defaultdict(list)
        needs = {wave.name: wave.depends_on for wave in self.waves}
        last = {launch.server: job.job_id for job in self.sampled.jobs for launch in job.launches}
        before: dict[str, Job] = {}
        alike: dict[tuple[Any, ...], Node] = {}
        for job in self.sampled.jobs:
            node = ("job", job.job_id)
            kind = (job.scope, len(job.launches), *{self.sampled.wave_of[x.server] for x in job.launches})
            if not self.foresight and not any(x.server in before for x in job.launches):
                if kind in alike:
                    arcs[alike[kind]].append((node, 0.0))
                alike[kind] = node
            for earlier in {
                before[x.server].job_id: before[x.server] for x in job.launches if x.server in before
            }:
                seconds = next(other.seconds for other in self.sampled.jobs if other.job_id == earlier)
                arcs["job", earlier].append((node, seconds))
            for launch in job.launches:
                before[launch.server] = job
                wave = self.sampled.wave_of[launch.server]
                boots = launch.launched and launch.server in self.sampled.boots
                if last[launch.server] == job.job_id:
                    target = ("boot", launch.server) if boots else ("wave", wave)
                    arcs[node].append((target, launch.seconds))
            if self.order is LaunchOrder.BY_WAVE:
                waves = {self.sampled.wave_of[launch.server] for launch in job.launches}
                for needed in {needed for wave in waves for needed in needs[wave]}:
                    arcs["wave", needed].append((node, 0.0))
        for server, seconds in self.sampled.boots.items():
            wave = self.sampled.wave_of[server]
            arcs["boot", server].append((("wave", wave), seconds))
            if self.order is LaunchOrder.TOGETHER:
                for needed in needs[wave]:
                    arcs["wave", needed].append((("boot", server), 0.0))
        for wave in needs:
            arcs["wave", wave] += [(END, 0.0), *((("wave", w), 0.0) for w in needs if wave in needs[w])]
        return arcs

    @cached_property
    def sequence(self) -> list[Node]:
        """Every node after all that it follows."""
        done: dict[Node, None] = {}

        def visit(node: Node) -> None:
            if node not in done:
                for after, _ in self.arcs.get(node, ()):
                    visit(after)
                done[node] = None

        for node in [("job", job.job_id) for job in self.sampled.jobs] + [*self.arcs]:
            visit(node)
        return list(reversed(done))

    @cached_property
    def heads(self) -> Mapping[Node, float]:
        """The earliest time of each node if there were no quotas."""
        heads: defaultdict[Node, float] = defaultdict(float)
        for node in self.sequence:
            for after, seconds in self.arcs.get(node, ()):
                heads[after] = max(heads[after], heads[node] + seconds)
        return heads

    @cached_property
    def tails(self) -> Mapping[Node, float]:
        """The shortest time from each node to the end if there were no quotas."""
        tails: dict[Node, float] = {}
        for node in reversed(self.sequence):
            tails[node] = max((tails[after] + s for after, s in self.arcs.get(node, ())), default=0.0)
        return tails


@dataclass(frozen=True, slots=True)
class Ideal:
    """``seconds`` is a lower bound, ``achievable`` the makespan of a schedule that is known to be possible.

    They are the same wherever the shortest makespan was found and proven, but for tenths of seconds.
    """

    seconds: float
    achievable: float


def ideal(problem: Problem, effort: float = EFFORT) -> Ideal:
    """The shortest makespan: by rule of thumb where a simple schedule is that short, else by search."""
    bound, simple = least(problem), achievable_seconds(problem)
    if simple <= bound + TOLERANCE:
        return Ideal(bound, simple)
    proven, found = _search(problem, bound, simple, effort)
    return Ideal(max(bound, proven), min(simple, found))


def least(problem: Problem) -> float:
    """A lower bound that takes no search: the longest path, or what the quotas of some scope add to it."""
    by_scope: defaultdict[str, list[Job]] = defaultdict(list)
    for job in problem.sampled.jobs:
        by_scope[job.scope].append(job)
    return max(problem.heads[END], *(_quota_bound(problem, jobs) for jobs in by_scope.values()))


def _search(problem: Problem, bound: float, known: float, effort: float) -> tuple[float, float]:
    """A proven lower bound, and the best schedule found. None is shorter than ``bound``, one than ``known``.

    A resource-constrained scheduling problem for CP-SAT, in tenths of a second, durations rounded down so
    that the bound stays one. Its effort is counted in its own steps: the same input has the same answer.
    """
    model = cp_model.CpModel()
    horizon = _tenths(known) + 1
    times = {
        node: model.new_int_var(_tenths(problem.heads[node]), horizon, "/".join(node))
        for node in problem.sequence
        if node[0] != "boot"
    }
    for (before, after), seconds in _lags(problem).items():
        model.add(times[after] >= times[before] + _tenths(seconds))
    for scope in {job.scope for job in problem.sampled.jobs}:
        jobs = [job for job in problem.sampled.jobs if job.scope == scope]
        _keep_quotas(model, problem, jobs, times)
    model.add(times[END] >= _tenths(bound))
    model.minimize(times[END])
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 8
    solver.parameters.interleave_search = True
    solver.parameters.max_deterministic_time = effort
    solver.parameters.max_time_in_seconds = TIMEOUT
    status = solver.solve(model)
    found = solver.objective_value / 10 if status in (cp_model.OPTIMAL, cp_model.FEASIBLE) else known
    return solver.best_objective_bound / 10, found


def _lags(problem: Problem) -> dict[tuple[Node, Node], float]:
    """The arcs with boots left out: what follows a boot follows what the boot follows."""
    lags: defaultdict[tuple[Node, Node], float] = defaultdict(float)
    for node, arcs in problem.arcs.items():
        if node[0] == "boot":
            continue
        for after, seconds in arcs:
            ends = problem.arcs[after] if after[0] == "boot" else ((after, 0.0),)
            for end, more in ends:
                lags[node, end] = max(lags[node, end], seconds + more)
    return lags


def _keep_quotas(model: Any, problem: Problem, jobs: Sequence[Job], times: Mapping[Node, Any]) -> None:
    """At most so many jobs and servers of a scope at once.

    When at most n jobs fit at once they can be put in n lanes, one after another in each. That follows from
    the rest, but only with it does the solver see soon that no schedule is shorter.
    """
    starts = [times["job", job.job_id] for job in jobs]
    lasts = [_tenths(job.seconds) for job in jobs]
    spans = [
        model.new_fixed_size_interval_var(start, last, "") for start, last in zip(starts, lasts, strict=True)
    ]
    sizes = [len(job.launches) for job in jobs]
    model.add_cumulative(spans, sizes, SERVERS_IN_JOBS)
    model.add_cumulative(spans, [1] * len(jobs), JOBS_IN_PROGRESS)
    lanes = _at_once(sizes)
    if lanes >= len(jobs) or lanes > MOST_LANES:
        return
    head = min(_tenths(problem.heads["job", job.job_id]) for job in jobs)
    tail = min(_tenths(problem.tails["job", job.job_id] - job.seconds) for job in jobs)
    chosen = [[model.new_bool_var("") for _ in range(min(number + 1, lanes))] for number in range(len(jobs))]
    for choice in chosen:
        model.add_exactly_one(choice)
    for lane in range(lanes):
        members = [number for number, choice in enumerate(chosen) if lane < len(choice)]
        model.add_no_overlap(
            model.new_optional_fixed_size_interval_var(starts[n], lasts[n], chosen[n][lane], "")
            for n in members
        )
        work = sum(lasts[n] * chosen[n][lane] for n in members)
        model.add(head + work + tail <= times[END])


def _quota_bound(problem: Problem, jobs: Sequence[Job]) -> float:
    """The best bound over sets of the jobs that start late enough, leave enough to do, and are big enough."""
    head = {job.job_id: problem.heads["job", job.job_id] for job in jobs}
    tail = {job.job_id: max(0.0, problem.tails["job", job.job_id] - job.seconds) for job in jobs}
    best = 0.0
    for size in {len(job.launches) for job in jobs}:
        for earliest in set(head.values()):
            some = [job for job in jobs if len(job.launches) >= size and head[job.job_id] >= earliest]
            some.sort(key=lambda job: -tail[job.job_id])
            for count in range(1, len(some) + 1):
                chosen = some[:count]
                heads = [head[job.job_id] for job in chosen]
                best = max(best, _bound(chosen, heads, [tail[job.job_id] for job in chosen]))
    return best


def _bound(jobs: Sequence[Job], heads: Sequence[float], tails: Sequence[float]) -> float:
    """No schedule of ``jobs`` ends sooner, each from its head on and with its tail afterwards."""
    servers = sum(len(job.launches) * job.seconds for job in jobs) / SERVERS_IN_JOBS
    bound = min(heads) + servers + min(tails)
    at_once = _at_once([len(job.launches) for job in jobs])
    if len(jobs) < at_once:
        return bound
    ready, left = sorted(heads)[:at_once], sorted(tails)[:at_once]
    work = sum(job.seconds for job in jobs)
    bound = max(bound, (sum(ready) + work + sum(left)) / at_once)
    longest = sorted((job.seconds for job in jobs), reverse=True)
    for rounds in range(1, math.ceil(len(longest) / at_once)):
        # Of this many jobs, some place has one more than there are rounds, at best the shortest of them.
        crowd = longest[: rounds * at_once + 1]
        bound = max(bound, min(heads) + sum(crowd[-(rounds + 1) :]) + min(tails))
    return bound


def _tenths(seconds: float) -> int:
    return math.floor(max(0.0, seconds) * 10 + 1e-6)


def _at_once(sizes: Sequence[int]) -> int:
    """How many of jobs of these sizes can run at the same time, at most."""
    count = servers = 0
    for size in sorted(sizes):
        servers += size
        if servers > SERVERS_IN_JOBS or count == JOBS_IN_PROGRESS:
            break
        count += 1
    return max(1, count)


def achievable_seconds(problem: Problem) -> float:
    """The makespan of a schedule that holds every rule: whatever can start does, the longest way first."""
    missing: defaultdict[Node, int] = defaultdict(int)
    for node in problem.sequence:
        for after, _ in problem.arcs.get(node, ()):
            missing[after] += 1
    jobs = {job.job_id: job for job in problem.sampled.jobs}
    events: list[tuple[float, int, Node]] = []
    ready: list[tuple[float, str]] = []
    free = {job.scope: [JOBS_IN_PROGRESS, SERVERS_IN_JOBS] for job in jobs.values()}
    now = 0.0

    def reach(node: Node) -> None:
        if node[0] == "job":
            heapq.heappush(ready, (-problem.tails[node], node[1]))
        else:
            pass_(node)

    def pass_(node: Node) -> None:
        for after, seconds in problem.arcs.get(node, ()):
            heapq.heappush(events, (now + seconds, len(events), after))

    def start() -> None:
        for entry in sorted(ready):
            job = jobs[entry[1]]
            places = free[job.scope]
            if places[0] >= 1 and places[1] >= len(job.launches):
                ready.remove(entry)
                places[0] -= 1
                places[1] -= len(job.launches)
                heapq.heappush(events, (now + job.seconds, -1, ("freed", job.job_id)))
                pass_(("job", job.job_id))

    for node in problem.sequence:
        if not missing[node] and node[0] == "job":
            reach(node)
    for wave in problem.waves:
        if not missing["wave", wave.name]:
            pass_(("wave", wave.name))
    start()
    while events:
        now, _, node = heapq.heappop(events)
        if node[0] == "freed":
            job = jobs[node[1]]
            free[job.scope][0] += 1
            free[job.scope][1] += len(job.launches)
        else:
            missing[node] -= 1
            if not missing[node]:
                reach(node)
        if not events or events[0][0] > now:
            start()
    return now
