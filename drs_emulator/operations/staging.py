"""Staging accounts: source servers that replicate there are extended into the account that launches them."""

from __future__ import annotations

from typing import Any

from drs_emulator import views
from drs_emulator.configurations import new_launch_configuration
from drs_emulator.errors import ResourceNotFoundError, ValidationError
from drs_emulator.operations.registry import Call, operation
from drs_emulator.state import Disk, Ref, SourceServer, hashed_id
from drs_emulator.wire.omit_absent import present
from drs_emulator.wire.paging import page


@operation("ListStagingAccounts")
def list_staging_accounts(call: Call) -> dict[str, Any]:
    """The accounts whose servers have been extended into this one."""
    accounts = {server.extends.account for server in call.scope.servers.values() if server.extends}
    found, token = page("ListStagingAccounts", call.params, call.core.settings, sorted(accounts), str)
    return present({"accounts": [{"accountID": account} for account in found], "nextToken": token})


@operation("ListExtensibleSourceServers")
def list_extensible_source_servers(call: Call) -> dict[str, Any]:
    """Servers of a staging account that are not yet extended into this one, and extend none themselves.

    The role that lets this account read the staging account is not required.
    """
    core, scope = call.core, call.scope
    staging = core.scope(call.params["stagingAccountID"], scope.region)
    taken = {server.extends for server in scope.servers.values()}
    free = [
        server
        for server in staging.servers.values()
        if staging.account != scope.account and server.extends is None and server.ref not in taken
    ]
    found, token = page(
        "ListExtensibleSourceServers", call.params, core.settings, free, lambda item: f"{item.number:08d}"
    )
    items = [{"hostname": item.hostname, "arn": item.arn, "tags": dict(item.tags)} for item in found]
    return present({"items": items, "nextToken": token})


@operation("CreateExtendedSourceServer")
def create_extended_source_server(call: Call) -> dict[str, Any]:
    """Extend a server of a staging account: its replication stays there, launches happen here.

    Refused for a server with the default EBS key, which cannot be shared (observed in the field).
    """
    core, scope = call.core, call.scope
    arn = call.params["sourceServerArn"]
    _, _, _, region, account, name = arn.split(":", 5)
    source = core.server_at(Ref(account, region, name.rpartition("/")[2]))
    if source is None:
        raise ResourceNotFoundError(f"Source server {arn} not found", resource_id=arn, kind="SOURCE_SERVER")
    if problem := _problem(call, source):
        raise ValidationError(
            f"Source server {source.server_id} cannot be extended {problem}",
            fields=[("sourceServerArn", "Cannot be extended")],
        )
    counted = f"extensions of {source.arn}"
    scope.counters[counted] = scope.counters.get(counted, 0) + 1
    scope.counters["server"] = scope.counters.get("server", 0) + 1
    parts = (core.seed, "extended", source.server_id, scope.account, scope.counters[counted])
    server = _extension(call, source, hashed_id("s", *parts))
    scope.servers[server.server_id] = server
    return {"sourceServer": views.source_server(core, scope, server)}


def _problem(call: Call, source: SourceServer) -> str | None:
    scope = call.scope
    if source.account == scope.account:
        return "into its own account"
    if source.region != scope.region:
        return f"from Region {source.region} into Region {scope.region}"
    if source.extends is not None:
        return "because it is an extended source server itself"
    if any(server.extends == source.ref for server in scope.servers.values()):
        return "because it is extended into this account already"
    if source.replication.state == "DISCONNECTED":
        return "because it is disconnected"
    if source.replication_settings.get("ebsEncryption", "DEFAULT") == "DEFAULT":
        return "if it has the default EBS encryption key"
    return None


def _extension(call: Call, source: SourceServer, server_id: str) -> SourceServer:
    scope = call.scope
    tags = {**source.tags, **call.params.get("tags", {})}
    name = tags.get("Name", source.hostname)
    return SourceServer(
        server_id=server_id,
        arn=scope.arn("source-server", server_id),
        number=scope.counters["server"],
        hostname=source.hostname,
        platform=source.platform,
        architecture=source.architecture,
        boot_mode=source.boot_mode,
        disks=[Disk(disk.device, disk.size) for disk in source.disks],
        replication=source.replication,
        added_at=call.core.now(),
        launch=new_launch_configuration(call.core.settings, scope, server_id, name),
        replication_settings={**source.replication_settings, "sourceServerID": server_id},
        tags=tags,
        instance_id=source.instance_id,
        private_ip=source.private_ip,
        mac_address=source.mac_address,
        origin_account=source.origin_account,
        origin_region=source.origin_region,
        origin_zone=source.origin_zone,
        agent_version=source.agent_version,
        staging_account=source.account,
        extends=source.ref,
    )
