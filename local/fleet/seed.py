"""The DRS side of a fleet: source servers, settings and faults, as the emulator's admin API takes them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from local.fleet.cloud import Admin, ask
from local.fleet.instances import Made
from local.fleet.model import Fleet, IssueKind, Server
from shared.model.scope import Scope

_GIB = 2**30
_PER_CALL = 250
_IN_A_FAILBACK = {
    IssueKind.AGENT_NEVER_CHECKS_IN: {"kind": "AGENT_NEVER_CHECKS_IN"},
    IssueKind.WRONG_STAGING_ACCOUNT: {"kind": "WRONG_STAGING_ACCOUNT", "account": "123456789012"},
    IssueKind.REPLICATION_STALLS: {"kind": "STALLS", "direction": "FAILBACK"},
    IssueKind.NOT_CONVERGING: {"kind": "NOT_CONVERGING", "direction": "FAILBACK"},
}
"""The fault of the emulator that a issue is. The id is that of the server at the recovery side: a reversed
server answers to it, too."""


def seed_source_servers(fleet: Fleet, admin: Admin, originals: dict[str, Made]) -> dict[str, str]:
    """Add a source server for every server; gives their ids. Both are by server name."""
    ids: dict[str, str] = {}
    for site in fleet.sites:
        servers = [server for server in fleet.servers if server.site == site.name]
        for start in range(0, len(servers), _PER_CALL):
            batch = servers[start : start + _PER_CALL]
            body = {
                "account": site.recovery.scope.account,
                "region": site.recovery.scope.region,
                "servers": [
                    _source_server(server, site.origin.scope, originals[server.name]) for server in batch
                ],
            }
            answer = ask(admin, "POST", "/source-servers", body)
            ids.update(zip((server.name for server in batch), answer["sourceServerIDs"], strict=True))
    return ids


def set_up_emulator(fleet: Fleet, admin: Admin, source_servers: dict[str, str]) -> None:
    """Give the emulator the fleet's settings, and the faults that its file and its issue ask for."""
    if fleet.emulator_settings:
        ask(admin, "PATCH", "/settings", fleet.emulator_settings)
    faults = [fault for server in fleet.servers for fault in _faults(server, source_servers[server.name])]
    faults += fleet.emulator_faults
    if faults:
        ask(admin, "POST", "/faults", {"faults": faults})


def _source_server(server: Server, origin: Scope, original: Made) -> dict[str, Any]:
    body: dict[str, Any] = {
        "hostname": server.name,
        "tags": server.tags,
        "originAccountID": origin.account,
        "originRegion": origin.region,
        "originAvailabilityZone": f"{origin.region}a",
        "awsInstanceID": original.instance_id,
        "privateIpAddress": original.private_ip,
        "macAddress": original.mac_address,
        "platform": server.platform,
        "architecture": server.architecture,
        "bootMode": server.boot_mode,
        "disks": [
            {"deviceName": device, "bytes": size * _GIB}
            for device, size in zip(_disk_names(server.platform), server.disks_gib, strict=False)
        ],
        "dataReplicationState": server.replication_state,
        "lagSeconds": server.lag_seconds,
    }
    if server.replication_error:
        body["replicationError"] = server.replication_error
    return body


def _disk_names(platform: str) -> Iterator[str]:
    """Names that the operating system, and so the DRS agent, knows disks by."""
    if platform == "windows":
        return (f"{letter}:0" for letter in "cdefghijklmnopqrstuvwxyz")
    return (f"/dev/nvme{number}n1" for number in itertools.count())


def _faults(server: Server, source_server_id: str) -> Iterator[dict[str, Any]]:
    for issue in server.issues:
        if issue.kind is IssueKind.BUSY:
            yield {"kind": "SERVER_BUSY", "server": source_server_id, **issue.options}
        elif issue.kind is IssueKind.CONVERSION_FAILS:
            yield {
                "kind": "PHASE_FAILS",
                "phase": "CONVERSION",
                "server": source_server_id,
                **issue.options,
            }
        elif issue.kind in _IN_A_FAILBACK:
            yield {**_IN_A_FAILBACK[issue.kind], "server": source_server_id, **issue.options}
