"""Servers that an execution found and ended before it decided about: none may be missing from its report."""

from __future__ import annotations

from shared.model.server import ServerRecord
from shared.rules.checks.pair_decision import as_found
from shared.store import ExecutionStore, FindingStore


def with_undecided(store: ExecutionStore, findings: FindingStore, execution_id: str) -> list[ServerRecord]:
    """Every server of the execution. One that has no record yet is recorded as it was found."""
    servers = store.servers(execution_id)
    recorded = {server.source_server_id for server in servers}
    found = [s for s in findings.servers(execution_id) if s.source_server_id not in recorded]
    if not found:
        return servers
    store.add_servers(execution_id, [as_found(server) for server in found])
    return store.servers(execution_id)
