"""Servers that an execution found and ended before it decided about: none may be missing from its report."""

from __future__ import annotations

from shared.rules.checks.pair_decision import as_found
from shared.store import ExecutionStore, FindingStore


def record_undecided(store: ExecutionStore, findings: FindingStore, execution_id: str) -> None:
    """Record, as they were found, the servers that have no record. What is recorded stays as it is."""
    recorded = {server.source_server_id for server in store.servers(execution_id)}
    found = [s for s in findings.servers(execution_id) if s.source_server_id not in recorded]
    if found:
        store.add_servers(execution_id, [as_found(server) for server in found])
