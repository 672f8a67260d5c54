"""Which servers a request asks for."""

from __future__ import annotations

from collections.abc import Callable

from shared.model.drs import SourceServer
from shared.model.server import ServerRecord
from shared.rules.plan.limits import limited_to
from shared.rules.plan.requests import Request
from shared.store import ExecutionStore


def asked_for(store: ExecutionStore, request: Request) -> Callable[[SourceServer | ServerRecord], bool]:
    """Whether the request asks for a server, by what the execution that it retries has recorded."""
    return limited_to(request, store.servers(request.retry_of) if request.retry_of else ())
