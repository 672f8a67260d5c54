"""A schedule that is known to be possible: whatever can start does, the longest way first."""

from __future__ import annotations

import heapq
from collections import Counter

from benchmarks.problem import Node, Problem
from shared.model.quotas import JOBS_IN_PROGRESS, SERVERS_IN_JOBS

FREED = "freed"


def achievable_seconds(problem: Problem) -> float:
    """The makespan of a schedule that keeps every rule."""
    return _Schedule(problem).run()


class _Schedule:
    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._jobs = {job.job_id: job for job in problem.sampled.jobs}
        self._missing = Counter(after for arcs in problem.arcs.values() for after, _ in arcs)
        """How many arcs still have to be passed before a node is reached."""
        self._events: list[tuple[float, int, Node]] = []
        self._ready: list[tuple[float, str]] = []
        self._free = {job.scope: [JOBS_IN_PROGRESS, SERVERS_IN_JOBS] for job in self._jobs.values()}
        self._now = 0.0

    def run(self) -> float:
        for node in self._problem.sequence:
            if not self._missing[node] and node[0] == "job":
                self._reach(node)
        for wave in self._problem.waves:
            if not self._missing["wave", wave.name]:
                self._pass("wave", wave.name)
        self._start()
        while self._events:
            self._now, _, node = heapq.heappop(self._events)
            self._happen(node)
            if not self._events or self._events[0][0] > self._now:
                self._start()
        return self._now

    def _happen(self, node: Node) -> None:
        if node[0] == FREED:
            job = self._jobs[node[1]]
            self._free[job.scope][0] += 1
            self._free[job.scope][1] += len(job.launches)
            return
        self._missing[node] -= 1
        if not self._missing[node]:
            self._reach(node)

    def _reach(self, node: Node) -> None:
        if node[0] == "job":
            heapq.heappush(self._ready, (-self._problem.tails[node], node[1]))
        else:
            self._pass(*node)

    def _pass(self, *node: str) -> None:
        for after, seconds in self._problem.arcs.get((node[0], node[1]), ()):
            heapq.heappush(self._events, (self._now + seconds, len(self._events), after))

    def _start(self) -> None:
        for entry in sorted(self._ready):
            job = self._jobs[entry[1]]
            free = self._free[job.scope]
            if free[0] >= 1 and free[1] >= len(job.launches):
                self._ready.remove(entry)
                free[0] -= 1
                free[1] -= len(job.launches)
                heapq.heappush(self._events, (self._now + job.seconds, -1, (FREED, job.job_id)))
                self._pass("job", job.job_id)
