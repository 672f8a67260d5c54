"""Which servers a request is limited to."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from shared.model.drs import SourceServer
from shared.model.server import ServerRecord
from shared.model.status import NOT_RECOVERED, ServerStatus
from shared.rules.plan.requests import Request


def limited_to(
    request: Request, earlier: Iterable[ServerRecord]
) -> Callable[[SourceServer | ServerRecord], bool]:
    """Whether the request asks for a server: all, unless ``servers``, ``sites`` or ``retryOf`` limit it.

    ``earlier``: the servers of the execution ``retryOf``.
    """
    named = {name.lower() for name in request.servers}
    wanted = NOT_RECOVERED | ({ServerStatus.BLOCKED} if request.retry_blocked else frozenset())
    not_recovered = {server.source_server_id for server in earlier if server.status in wanted}

    def is_asked_for(server: SourceServer | ServerRecord) -> bool:
        in_sites = not request.sites or server.site in request.sites
        is_named = not named or not named.isdisjoint({server.source_server_id, server.name.lower()})
        is_retried = request.retry_of is None or server.source_server_id in not_recovered
        return in_sites and is_named and is_retried

    return is_asked_for
