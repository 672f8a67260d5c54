"""The pair of a server as DecidePairs recorded it."""

from __future__ import annotations

from dataclasses import dataclass

from shared.model.scope import Scope
from shared.model.server import ServerRecord


@dataclass(frozen=True, slots=True)
class DecidedPair:
    """What an execution may launch a server into, start and stop: written once, changed by no later state.

    ``scope`` is that of ``pair_instance_id``; in a failback ``workload_instance_id`` may be stopped as well.
    """

    source_server_id: str
    scope: Scope
    pair_instance_id: str
    workload_instance_id: str | None = None
    workload_scope: Scope | None = None


def decided_pair(server: ServerRecord) -> DecidedPair:
    """The pair of a server's record."""
    return DecidedPair(
        source_server_id=server.source_server_id,
        scope=server.scope,
        pair_instance_id=server.pair_instance_id or "",
        workload_instance_id=server.failback.workload_instance_id,
        workload_scope=server.failback.workload_scope,
    )
