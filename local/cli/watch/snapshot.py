"""How an execution stands at one moment, read from the Executions table and from Step Functions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from local.cli.client import Cloud
from local.cli.executions import Standing, standing
from local.cli.state import State
from local.cli.watch.replication import Pace, Replication, replication
from shared.model.execution import ExecutionRecord, JobRecord, WaveRecord
from shared.model.server import ServerRecord
from shared.model.status import ServerStatus
from shared.store import ExecutionNotFoundError, ExecutionStore, FindingStore


@dataclass(frozen=True, slots=True)
class Snapshot:
    """``execution`` is None until it is recorded. ``now`` is simulated time, as is ``seconds_left``: how long
    the replication of a failback goes on, None while that is unknown."""

    standing: Standing
    now: datetime
    execution: ExecutionRecord | None = None
    waves: tuple[WaveRecord, ...] = ()
    servers: tuple[ServerRecord, ...] = ()
    jobs: tuple[JobRecord, ...] = ()
    seconds_left: float | None = None

    @property
    def simulated_seconds(self) -> float:
        """How long the execution has taken so far, or took, in simulated time."""
        if self.execution is None:
            return 0.0
        end = datetime.fromisoformat(self.execution.ended_at) if self.execution.ended_at else self.now
        return max(0.0, (end - datetime.fromisoformat(self.execution.started_at)).total_seconds())

    def counts(self, wave: str | None = None) -> Counter[ServerStatus]:
        """How many servers are in each status, in all or in one wave."""
        return Counter(server.status for server in self.servers if wave is None or server.wave == wave)

    @property
    def replication(self) -> Replication | None:
        return replication(self.servers)


class Reader:
    """Takes snapshots of one execution."""

    def __init__(self, cloud: Cloud, there: State, arn: str) -> None:
        self._cloud = cloud
        self._there = there
        self._arn = arn
        self._store = ExecutionStore(there.output("ExecutionsTableName"))
        self._findings = FindingStore(there.output("FindingsTableName"), self._store)
        self._pace = Pace()
        self.execution_id = arn.rsplit(":", 1)[-1]

    def take(self) -> Snapshot:
        """The execution as it stands. Asks Step Functions first: what has ended there is recorded in full."""
        stands = standing(self._cloud, self._there, self._arn)
        now = datetime.fromisoformat(self._cloud.get("/_local/clock")["now"])
        try:
            execution = self._store.execution(self.execution_id)
        except ExecutionNotFoundError:
            return Snapshot(stands, now)
        waves = {wave.name: wave for wave in self._store.waves(self.execution_id)}
        servers = tuple(self._store.servers(self.execution_id) or self._findings.servers(self.execution_id))
        return Snapshot(
            stands,
            now,
            execution,
            tuple(_in_order(waves)),
            servers,
            tuple(self._store.jobs(self.execution_id)),
            self._pace.seconds_left(now, replication(servers)),
        )


def _in_order(waves: dict[str, WaveRecord]) -> list[WaveRecord]:
    """The waves so that each comes after those it depends on; the table gives them by name."""
    ordered: list[WaveRecord] = []
    waiting = dict(waves)
    while waiting:
        ready = [wave for wave in waiting.values() if not waiting.keys() & set(wave.depends_on)]
        ordered += ready or waiting.values()
        waiting = {name: wave for name, wave in waiting.items() if wave not in ordered}
    return ordered
