"""The shortest possible makespan for what the emulator drew: a lower bound that no orchestrator can beat.

docs/benchmarks.md says what is fixed, what is free, and how good the bound is.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ortools.sat.python import cp_model

from benchmarks.bounds import at_once, least
from benchmarks.problem import END, Node, Problem
from benchmarks.sampled import Job
from benchmarks.schedule import achievable_seconds
from shared.model.quotas import JOBS_IN_PROGRESS, SERVERS_IN_JOBS

TOLERANCE = 1e-6
EFFORT = 4.0
"""Of the search, in CP-SAT's deterministic time: some seconds of one core."""
TIMEOUT = 30.0
"""Real seconds after which the search ends on a machine that is too busy for its effort."""
MOST_LANES = 10


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
    lanes = at_once(sizes)
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


def _tenths(seconds: float) -> int:
    return math.floor(max(0.0, seconds) * 10 + 1e-6)
