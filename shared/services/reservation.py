"""Locks the servers of an execution, and claims slots for their batches."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from shared.model.policies import LaunchOrder, Mode
from shared.model.scope import Scope
from shared.model.server import Change, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.control.locked import locked_by
from shared.rules.waves.slots import Claim
from shared.services.execution_liveness import execution_is_over
from shared.services.opened_execution import OpenedExecution
from shared.store import ClaimStore, ExecutionNotFoundError, ExecutionStore, LockStore, server_lock
from shared.times import iso


class Reservation:
    """For one execution. ``arn`` is its own in Step Functions."""

    def __init__(self, store: ExecutionStore, execution: OpenedExecution, arn: str) -> None:
        self._store = store
        self._execution = execution
        self._id = execution.record.execution_id
        self._arn = arn
        self._locks = LockStore(store.table_name)

    def lock(self, servers: Sequence[ServerRecord]) -> list[Change]:
        """Lock the servers; the changes of those that other executions have locked."""
        locks = [server_lock(server.source_server_id) for server in servers]
        locked = self._locks.take(
            locks, self._id, lambda holder: execution_is_over(self._store, holder, self._arn)
        )
        drills = {holder: self._is_drill(holder) for holder in set(locked.values())}
        return [
            Change(server, locked_by(server, holder, is_drill=drills[holder]))
            for server in servers
            if (holder := locked.get(server_lock(server.source_server_id)))
        ]

    def claim_slots(self, servers: Sequence[ServerRecord], now: datetime) -> None:
        """Where all waves launch together, the one on the critical path comes first, not the first to ask."""
        if self._execution.policies.launch_order is not LaunchOrder.TOGETHER:
            return
        priority = {wave.name: wave.priority for wave in self._store.waves(self._id)}
        for scope, claims in self._claims(servers, priority, iso(now)).items():
            ClaimStore(self._store.table_name, scope).put(claims, now)

    def release_if_over(self, servers: Sequence[ServerRecord]) -> bool:
        """A late call reserves what no other task would release: give it back, and return True."""
        if not self._store.execution(self._id).status.is_final:
            return False
        self._locks.release([server_lock(server.source_server_id) for server in servers], self._id)
        for scope in {server.scope for server in servers}:
            ClaimStore(self._store.table_name, scope).forget(self._id)
        return True

    def _claims(
        self, servers: Sequence[ServerRecord], priority: Mapping[str, float], now: str
    ) -> dict[Scope, list[Claim]]:
        sizes = Counter(
            (server.scope, server.wave or "", server.batch)
            for server in servers
            if server.status is ServerStatus.READY and server.adoption is None and server.batch is not None
        )
        claims: defaultdict[Scope, list[Claim]] = defaultdict(list)
        for (scope, wave, batch), size in sizes.items():
            first = priority.get(wave, 0.0)
            claims[scope].append(Claim(self._id, wave, batch or 0, size, first, asked_at=now, seen_at=now))
        return claims

    def _is_drill(self, execution_id: str) -> bool:
        try:
            return self._store.execution(execution_id).mode is Mode.DRILL
        except ExecutionNotFoundError:
            return False
