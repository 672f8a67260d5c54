"""Lower bounds of the makespan that take no search."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from benchmarks.problem import END, Problem
from benchmarks.sampled import Job
from shared.model.quotas import JOBS_IN_PROGRESS, SERVERS_IN_JOBS


def least(problem: Problem) -> float:
    """A lower bound that takes no search: the longest path, or what the quotas of some scope add to it."""
    by_scope: defaultdict[str, list[Job]] = defaultdict(list)
    for job in problem.sampled.jobs:
        by_scope[job.scope].append(job)
    return max(problem.heads[END], *(_quota_bound(problem, jobs) for jobs in by_scope.values()))


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
    lanes = at_once([len(job.launches) for job in jobs])
    if len(jobs) < lanes:
        return bound
    ready, left = sorted(heads)[:lanes], sorted(tails)[:lanes]
    work = sum(job.seconds for job in jobs)
    bound = max(bound, (sum(ready) + work + sum(left)) / lanes)
    longest = sorted((job.seconds for job in jobs), reverse=True)
    for rounds in range(1, math.ceil(len(longest) / lanes)):
        # Of this many jobs, some place has one more than there are rounds, at best the shortest of them.
        crowd = longest[: rounds * lanes + 1]
        bound = max(bound, min(heads) + sum(crowd[-(rounds + 1) :]) + min(tails))
    return bound


def at_once(sizes: Sequence[int]) -> int:
    """How many of jobs of these sizes can run at the same time, at most."""
    count = servers = 0
    for size in sorted(sizes):
        servers += size
        if servers > SERVERS_IN_JOBS or count == JOBS_IN_PROGRESS:
            break
        count += 1
    return max(1, count)
