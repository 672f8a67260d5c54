"""Servers that an execution found and has no record of: none may be missing from its report."""

from __future__ import annotations

from shared.model.server import ServerRecord
from shared.rules.checks.pair_decision import as_found, lost
from shared.store import ExecutionStore, FindingStore


def with_undecided(store: ExecutionStore, findings: FindingStore, execution_id: str) -> list[ServerRecord]:
    """Every server of the execution. One without a record is recorded now: as found, or FAILED as lost.

    An execution that ended early has not decided about some. One that was decided had a record.
    """
    servers = store.servers(execution_id)
    recorded = {server.source_server_id for server in servers}
    found = [s for s in findings.servers(execution_id) if s.source_server_id not in recorded]
    if not found:
        return servers
    decided = store.decisions(execution_id, [server.source_server_id for server in found])
    new = [
        lost(server, decided[server.source_server_id])
        if server.source_server_id in decided
        else as_found(server)
        for server in found
    ]
    store.add_servers(execution_id, new)
    return store.servers(execution_id)
