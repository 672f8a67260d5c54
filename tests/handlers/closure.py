"""Servers in any status, and executions that are closed from there."""

from __future__ import annotations

from typing import Any

from functions.configuration import close_execution
from shared.model.status import ServerStatus
from tests import makers
from tests.handlers.estate import Estate

FAILURE = {"Error": "AccessDeniedError", "Cause": '{"errorMessage": "no rights"}'}


def move(estate: Estate, status: ServerStatus, *names: str, **values: Any) -> None:
    """Put servers into a status, as if the wave had come so far."""
    servers = estate.servers()
    changes = [makers.changed(servers[name], {"status": status, **values}) for name in names]
    assert len(estate.store.change_servers("execution-1", changes)) == len(names)


def close(estate: Estate, **fields: Any) -> dict[str, Any]:
    """CloseExecution."""
    answer: dict[str, Any] = estate.call(close_execution, startedAt=estate.now, **fields)
    return answer
