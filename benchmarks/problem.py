"""A failover as the emulator sampled it, as a graph: what must follow what, and after how long at least."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from benchmarks.cases import Wave
from benchmarks.sampled import Job, Sampled
from shared.model.policies import LaunchOrder

Node = tuple[str, str]
END: Node = ("end", "")
Arc = tuple[Node, Node, float]
"""From a node to one that follows it, with seconds between."""


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
        for node, after, seconds in (*self._between_jobs(), *self._of_launches(), *self._of_waves()):
            arcs[node].append((after, seconds))
        return arcs

    def _between_jobs(self) -> Iterator[Arc]:
        """A server's next job follows its last; without foresight, jobs that look alike keep their order."""
        before: dict[str, Job] = {}
        alike: dict[tuple[Any, ...], Node] = {}
        for job in self.sampled.jobs:
            node = ("job", job.job_id)
            servers = [launch.server for launch in job.launches]
            earlier = {before[server].job_id: before[server] for server in servers if server in before}
            if not self.foresight and not earlier:
                kind = (job.scope, len(servers), *{self.sampled.wave_of[server] for server in servers})
                if kind in alike:
                    yield alike[kind], node, 0.0
                alike[kind] = node
            for last in earlier.values():
                yield ("job", last.job_id), node, last.seconds
            before.update(dict.fromkeys(servers, job))

    def _of_launches(self) -> Iterator[Arc]:
        """From a server's last job to its boot and to the end of its wave."""
        last = {launch.server: job.job_id for job in self.sampled.jobs for launch in job.launches}
        for job in self.sampled.jobs:
            for launch in job.launches:
                if last[launch.server] == job.job_id:
                    boots = launch.launched and launch.server in self.sampled.boots
                    wave = ("wave", self.sampled.wave_of[launch.server])
                    yield ("job", job.job_id), ("boot", launch.server) if boots else wave, launch.seconds
        for server, seconds in self.sampled.boots.items():
            yield ("boot", server), ("wave", self.sampled.wave_of[server]), seconds

    def _of_waves(self) -> Iterator[Arc]:
        """What a wave waits for: its jobs BY_WAVE, its boots TOGETHER, its end in both."""
        needs = {wave.name: wave.depends_on for wave in self.waves}
        if self.order is LaunchOrder.BY_WAVE:
            for job in self.sampled.jobs:
                waves = {self.sampled.wave_of[launch.server] for launch in job.launches}
                for needed in {needed for wave in waves for needed in needs[wave]}:
                    yield ("wave", needed), ("job", job.job_id), 0.0
        if self.order is LaunchOrder.TOGETHER:
            for server in self.sampled.boots:
                for needed in needs[self.sampled.wave_of[server]]:
                    yield ("wave", needed), ("boot", server), 0.0
        for wave in needs:
            yield ("wave", wave), END, 0.0
            for other in needs:
                if wave in needs[other]:
                    yield ("wave", wave), ("wave", other), 0.0

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
