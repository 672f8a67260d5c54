"""Of the servers of an execution, those whose record names the pair that was decided."""

from __future__ import annotations

from collections.abc import Sequence

from shared.model.server import Change, ServerRecord
from shared.rules.launch.decided_pairs import split
from shared.store import ExecutionStore


def as_decided(
    store: ExecutionStore, execution_id: str, servers: Sequence[ServerRecord]
) -> tuple[list[ServerRecord], list[Change]]:
    """These servers, and the failure of each other one. Called right before a stop, a launch or a start."""
    if not servers:
        return [], []
    ids = [server.source_server_id for server in servers]
    return split(servers, store.decisions(execution_id, ids))
