"""ReserveServers: take the lock of every server, so that no other execution touches it meanwhile."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from shared.model.finding import Finding, Severity
from shared.model.policies import LaunchOrder, Mode
from shared.model.scope import Scope
from shared.model.server import ServerChange, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.waves.outcome import BlockedDecision, blocked_decision
from shared.rules.waves.slots import Claim
from shared.services.execution_liveness import execution_is_over
from shared.services.opened_execution import OpenedExecution
from shared.settings import ConfigurationSettings
from shared.store import (
    ClaimStore,
    ExecutionNotFoundError,
    ExecutionStore,
    LockStore,
    server_lock,
)
from shared.task import Run, task
from shared.times import iso


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId, executionArn}`` → ``{decision, reserved, blocked}``."""
    store = run.store
    execution = run.execution
    if execution.record.cancellation is not None:
        return {"decision": "CANCELLED", "reserved": 0, "blocked": 0}
    ready = [s for s in store.servers(run.execution_id) if s.status is ServerStatus.READY]
    locks = LockStore(run.settings.executions_table)
    wanted = [server_lock(server.source_server_id) for server in ready]
    held = locks.take(
        wanted,
        run.execution_id,
        lambda holder: execution_is_over(store, holder, run.text("executionArn")),
    )
    changes = []
    for server in ready:
        holder = held.get(server_lock(server.source_server_id))
        if holder:
            finding = _held(holder, _is_drill(store, holder))
            values = {
                "status": ServerStatus.BLOCKED,
                "findings": (*server.findings, finding),
                "reason": finding.found,
                "remedy": finding.remedy,
            }
            changes.append(ServerChange(server, values))
    store.change_servers(run.execution_id, changes, only_from=(ServerStatus.READY,))
    servers = store.servers(run.execution_id)
    decision = blocked_decision(execution.policies, servers)
    if decision is BlockedDecision.PROCEED and execution.record.mode is not Mode.FAILBACK:
        _claim_slot(store, execution, servers, run)
    # If it was called late, nobody else would let go of all this.
    if store.execution(run.execution_id).status.is_final:
        locks.release(wanted, run.execution_id)
        for scope in {server.scope for server in ready}:
            ClaimStore(store.table_name, scope).forget(run.execution_id)
        return {"decision": "CANCELLED", "reserved": 0, "blocked": 0}
    return {"decision": decision.value, "reserved": len(ready) - len(changes), "blocked": len(changes)}


def _claim_slot(
    store: ExecutionStore, execution: OpenedExecution, servers: Sequence[ServerRecord], run: Run[Any]
) -> None:
    """Where all waves launch together, the one on the critical path comes first, not the quickest to ask."""
    if execution.policies.launch_order is not LaunchOrder.TOGETHER:
        return
    priority = {wave.name: wave.priority for wave in store.waves(run.execution_id)}
    sizes = Counter(
        (server.scope, server.wave, server.batch)
        for server in servers
        if server.status is ServerStatus.READY and server.adoption is None and server.batch is not None
    )
    claims: defaultdict[Scope, list[Claim]] = defaultdict(list)
    for (scope, wave, batch), size in sizes.items():
        now = iso(run.now)
        key = (run.execution_id, wave or "", batch or 0)
        claims[scope].append(Claim(*key, size, priority.get(wave or "", 0.0), asked_at=now, seen_at=now))
    for scope, made in claims.items():
        ClaimStore(store.table_name, scope).put(made, run.now)


def _is_drill(store: ExecutionStore, execution_id: str) -> bool:
    try:
        return store.execution(execution_id).mode is Mode.DRILL
    except ExecutionNotFoundError:
        return False


def _held(holder: str, is_drill: bool) -> Finding:
    remedy = f"Wait for execution {holder} to end, or stop it; then run this plan again."
    if is_drill:
        remedy = f"For a real failover, start it again with cancelDrill: true. Else: {remedy}"
    return Finding(
        code="LOCKED_BY_EXECUTION",
        severity=Severity.CRITICAL,
        found=f"{'The drill' if is_drill else 'Execution'} {holder} works on this server.",
        remedy=remedy,
    )
