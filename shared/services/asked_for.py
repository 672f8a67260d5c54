"""Which servers a request asks for."""

from __future__ import annotations

from collections.abc import Callable

from shared.model.drs import SourceServer
from shared.model.status import NOT_RECOVERED, ServerStatus
from shared.rules.plan.requests import Request
from shared.store import ExecutionStore


def asked_for(store: ExecutionStore, request: Request) -> Callable[[SourceServer], bool]:
    """Whether the request asks for a server: all of the plan's, unless ``only`` names some."""
    only = request.only
    if only is None:
        return lambda server: True
    wanted = NOT_RECOVERED | ({ServerStatus.BLOCKED} if only.also_blocked else frozenset())
    earlier = store.servers(only.not_recovered_in) if only.not_recovered_in else []
    ids = {server.source_server_id for server in earlier if server.status in wanted}
    named = {name.lower() for name in only.servers}
    return lambda server: (
        server.source_server_id in ids or not named.isdisjoint({server.source_server_id, server.name.lower()})
    )
