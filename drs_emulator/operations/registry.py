"""The table of emulated operations, and the context of one call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from drs_emulator.contract import Caller
from drs_emulator.core import Core
from drs_emulator.errors import ConflictError, DrsError, ResourceNotFoundError, error_of
from drs_emulator.state import RecoveryInstance, Scope, SourceServer


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an operation; ``params`` are valid against the model."""

    core: Core
    scope: Scope
    caller: Caller
    params: dict[str, Any]

    def server(self) -> SourceServer:
        """The source server that the request names; ResourceNotFoundError."""
        server_id = self.params["sourceServerID"]
        server = self.scope.servers.get(server_id)
        if server is None:
            raise ResourceNotFoundError(
                f"Source server {server_id} not found", resource_id=server_id, kind="SOURCE_SERVER"
            )
        return server

    def recovery_instance(self) -> RecoveryInstance | None:
        """The recovery instance that the request names, or None."""
        return self.scope.recovery_instances.get(self.params["recoveryInstanceID"])

    def unmodelled_missing(self, kind: str, missing: str) -> DrsError:
        """The error for an unknown id where the model has no ResourceNotFoundException."""
        code = self.core.guess("unknown_id")
        message = f"{kind} {missing} not found"
        return error_of(code, message)

    def refuse_busy(self, server: SourceServer) -> None:
        """ConflictError if a job has the server."""
        if self.core.is_busy(self.scope, server):
            raise ConflictError(
                f"Source server {server.server_id} is currently being processed by a Job",
                resource_id=server.server_id,
                kind="SOURCE_SERVER",
            )

    def refuse_extended(self, server: SourceServer) -> None:
        """ConflictError for an extended server, whose replication is the staging account's (user guide)."""
        if server.extends is not None:
            raise ConflictError(
                f"Source server {server.server_id} is extended: its replication is managed in the staging "
                f"account {server.extends.account}",
                resource_id=server.server_id,
                kind="SOURCE_SERVER",
            )


Handler = Callable[[Call], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Operation:
    """``locked``: the handler runs under the state lock. One that calls EC2 locks by itself."""

    handler: Handler
    locked: bool


OPERATIONS: dict[str, Operation] = {}


def operation(name: str, *, calls_ec2: bool = False) -> Callable[[Handler], Handler]:
    """Register the handler of the operation ``name``."""

    def register(handler: Handler) -> Handler:
        OPERATIONS[name] = Operation(handler, locked=not calls_ec2)
        return handler

    return register
