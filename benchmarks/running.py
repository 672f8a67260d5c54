"""One case: built, and failed over in virtual time in one launch order, and measured."""

from __future__ import annotations

import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import prices
from benchmarks.bounds import least
from benchmarks.cases import Case
from benchmarks.ideal import ideal
from benchmarks.metering import MeteredCloud, largest_item
from benchmarks.problem import Problem
from benchmarks.sampled import sampled
from local.fleet import BuiltServer, Fleet, load, plan_document
from local.fleet.virtual import virtual_fleet
from shared.model.policies import LaunchOrder


@dataclass(frozen=True, slots=True)
class Ready:
    """A case whose fleet is built, and nothing has run yet."""

    case: Case
    fleet: Fleet
    cloud: MeteredCloud
    servers: Sequence[BuiltServer]


class BenchmarkError(RuntimeError):
    """A case did not recover every server; the message says what it did."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A line of out/benchmark.json under names of Python, and what is only shown.

    ``achievable`` is the makespan of a schedule that is known to be possible, at least the ideal;
    ``foreseen`` is a lower bound for an orchestrator that knows beforehand which jobs will be slow.
    ``drs_operations`` has the DRS calls by operation.
    """

    name: str
    launch_order: str
    servers: int
    waves: int
    makespan_seconds: float
    ideal_seconds: float
    ratio: float
    drs_calls: int
    drs_calls_per_server: float
    state_transitions: int
    lambda_invocations: int
    cost_usd: float
    max_state_bytes: int
    max_item_bytes: int
    history_events: int
    wall_seconds: float
    goal: float
    achievable: float
    foreseen: float
    drs_operations: dict[str, int]

    def document(self) -> dict[str, object]:
        """The line of out/benchmark.json."""
        return {
            "name": self.name,
            "launchOrder": self.launch_order,
            "servers": self.servers,
            "waves": self.waves,
            "makespanSeconds": round(self.makespan_seconds, 1),
            "idealSeconds": round(self.ideal_seconds, 1),
            "ratio": round(self.ratio, 4),
            "drsCalls": self.drs_calls,
            "drsCallsPerServer": round(self.drs_calls_per_server, 3),
            "stateTransitions": self.state_transitions,
            "lambdaInvocations": self.lambda_invocations,
            "costUsd": round(self.cost_usd, 4),
            "maxStateBytes": self.max_state_bytes,
            "maxItemBytes": self.max_item_bytes,
            "historyEvents": self.history_events,
            "wallSeconds": round(self.wall_seconds, 1),
        }


@contextmanager
def ready(case: Case, seed: int) -> Iterator[Ready]:
    """Builds its fleet in a cloud of its own."""
    fleet = _load(case)
    with virtual_fleet(fleet, MeteredCloud, seed=seed) as (cloud, built):
        if case.faults:
            cloud.drs.admin("POST", "/faults", {"faults": [dict(fault) for fault in case.faults]})
        yield Ready(case, fleet, cloud, built)


def measure(ready: Ready, order: LaunchOrder) -> Measured:
    """Runs it. Raises BenchmarkError if the execution or a server failed."""
    started = time.monotonic()
    case, cloud = ready.case, ready.cloud
    cloud.start_counting()
    request = {"plan": plan_document(ready.fleet), "launchOrder": order.value}
    result = cloud.run("failover", request, name=f"{case.name}-{order.value.lower()}")
    recovered = (result.output or {}).get("totals", {}).get("recovered")
    if recovered != case.servers:
        raise BenchmarkError(
            f"{case.name} {order.value}: {result.status}, {recovered} of {case.servers} recovered. "
            f"{result.error or ''} {result.cause or ''}"
        )
    problem = Problem(sampled(cloud, ready.servers), case.waves, order, foresight=False)
    operations = {name: n for (service, name), n in cloud.counted.items() if service == "drs"}
    calls: Counter[str] = Counter()
    for (service, _), number in cloud.counted.items():
        calls[service] += number
    cost = prices.cost(
        prices.Usage(
            transitions=result.transitions,
            invocations=result.lambda_invocations,
            calls=calls,
            servers_started=sum(len(job.launches) for job in problem.sampled.jobs),
            write_units=cloud.write_units,
            read_units=cloud.read_units,
        )
    )
    shortest = ideal(problem)
    return Measured(
        name=case.name,
        launch_order=order.value,
        servers=case.servers,
        waves=len(case.waves),
        makespan_seconds=result.seconds,
        ideal_seconds=shortest.seconds,
        ratio=result.seconds / shortest.seconds,
        drs_calls=calls["drs"],
        drs_calls_per_server=calls["drs"] / case.servers,
        state_transitions=result.transitions,
        lambda_invocations=result.lambda_invocations,
        cost_usd=cost,
        max_state_bytes=result.largest_state_bytes,
        max_item_bytes=largest_item(cloud),
        history_events=result.history_events,
        wall_seconds=time.monotonic() - started,
        goal=case.goal,
        achievable=shortest.achievable,
        foreseen=least(replace(problem, foresight=True)),
        drs_operations=operations,
    )


def _load(case: Case) -> Fleet:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fleet.yaml"
        path.write_text(json.dumps(case.fleet()), "utf-8")
        return load(path)
