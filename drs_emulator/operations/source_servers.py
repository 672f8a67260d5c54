"""The service itself and its source servers: initialize, describe, start and stop replication, remove."""

from __future__ import annotations

from typing import Any

from drs_emulator import views
from drs_emulator.errors import ConflictError
from drs_emulator.operations.registry import Call, operation
from drs_emulator.replication import agents, runs
from drs_emulator.state import SourceServer
from drs_emulator.wire.omit_absent import present
from drs_emulator.wire.paging import page


@operation("InitializeService")
def initialize_service(call: Call) -> dict[str, Any]:
    """Make the account ready in this Region; safe to repeat."""
    call.scope.initialized = True
    return {}


@operation("DescribeSourceServers", calls_ec2=True)
def describe_source_servers(call: Call) -> dict[str, Any]:
    """Source servers by id, by hardware id (EC2 id, UUID, MAC) and by staging account; all must match.

    At most once in ``agent_heartbeat_seconds``, EC2 is asked whether reversed servers' agents run.
    """
    filters = call.params.get("filters", {})
    with call.core.lock:
        chosen = [server for server in call.scope.servers.values() if _matches(server, filters)]
        servers, token = page(
            "DescribeSourceServers",
            call.params,
            call.core.settings,
            chosen,
            lambda server: f"{server.number:08d}",
        )
    agents.refresh(call.core, servers)
    with call.core.lock:
        items = [views.source_server(call.core, call.scope, server) for server in servers]
    return present({"items": items, "nextToken": token})


def _matches(server: SourceServer, filters: dict[str, Any]) -> bool:
    ids = filters.get("sourceServerIDs")
    accounts = filters.get("stagingAccountIDs")
    return (
        (not ids or server.server_id in ids)
        and filters.get("hardwareId") in (None, "", server.instance_id, server.mac_address)
        and (not accounts or server.staging_account in accounts)
    )


@operation("StartReplication")
def start_replication(call: Call) -> dict[str, Any]:
    """Restart a stopped server; triggers an initial sync (DRS user guide, command-menus)."""
    server = call.server()
    call.refuse_extended(server)
    if server.replication.state != "STOPPED":
        raise ConflictError(
            f"Replication of source server {server.server_id} is {server.replication.state}, not STOPPED",
            resource_id=server.server_id,
            kind="SOURCE_SERVER",
        )
    runs.start(call.core, server)
    return {"sourceServer": views.source_server(call.core, call.scope, server)}


@operation("StopReplication")
def stop_replication(call: Call) -> dict[str, Any]:
    """Stop replication and delete the server's points in time; the agent stays installed."""
    server = call.server()
    call.refuse_extended(server)
    call.refuse_busy(server)
    if server.replication.state in ("STOPPED", "DISCONNECTED"):
        raise ConflictError(
            f"Replication of source server {server.server_id} is already {server.replication.state}",
            resource_id=server.server_id,
            kind="SOURCE_SERVER",
        )
    runs.stop(call.core, server, "STOPPED")
    return {"sourceServer": views.source_server(call.core, call.scope, server)}


@operation("DisconnectSourceServer")
def disconnect_source_server(call: Call) -> dict[str, Any]:
    """Disconnect; "cannot disconnect a Source Server if it has a Recovery Instance" (API reference)."""
    server = call.server()
    call.refuse_extended(server)
    call.refuse_busy(server)
    if server.recovery_instance_id:
        raise ConflictError(
            f"Source server {server.server_id} has the recovery instance {server.recovery_instance_id}",
            resource_id=server.server_id,
            kind="SOURCE_SERVER",
        )
    runs.stop(call.core, server, "DISCONNECTED")
    return views.source_server(call.core, call.scope, server)


@operation("DeleteSourceServer")
def delete_source_server(call: Call) -> dict[str, Any]:
    """Delete a server; it must be disconnected first, unless it is extended (user guide, multi-account)."""
    server = call.server()
    call.refuse_busy(server)
    if server.replication.state != "DISCONNECTED" and server.extends is None:
        raise ConflictError(
            f"Source server {server.server_id} must be disconnected before it is deleted",
            resource_id=server.server_id,
            kind="SOURCE_SERVER",
        )
    del call.scope.servers[server.server_id]
    return {}
