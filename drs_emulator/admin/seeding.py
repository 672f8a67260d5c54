"""Source servers by admin request, as replication agents create them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from drs_emulator import views
from drs_emulator.configurations import (
    new_launch_configuration,
    new_replication_configuration,
    replication_template_defaults,
)
from drs_emulator.core import Core
from drs_emulator.errors import AdminError
from drs_emulator.replication import runs
from drs_emulator.state import LAUNCHABLE_STATES, Disk, Replication, Scope, SourceServer, Template
from drs_emulator.wire.service_model import response_problems, values_of

_CHOICES = {
    "platform": ["linux", "windows"],
    "architecture": ["x86_64", "arm64"],
    "bootMode": ["legacy-bios", "uefi"],
    "dataReplicationState": values_of("DataReplicationState"),
    "replicationError": values_of("DataReplicationErrorString"),
}
_FIELDS = {
    *_CHOICES,
    "sourceServerID",
    "hostname",
    "tags",
    "originAccountID",
    "originRegion",
    "originAvailabilityZone",
    "awsInstanceID",
    "disks",
    "lagSeconds",
    "agentVersion",
    "stagingAccountID",
    "privateIpAddress",
    "macAddress",
    "launchConfiguration",
}
_DEFAULT_DISK = {"deviceName": "/dev/xvda", "bytes": 8 * 1024**3}


def add_servers(core: Core, body: dict[str, Any]) -> dict[str, Any]:
    """Add source servers to an account and Region, which is initialized with the first.

    Body: ``{"account", "region", "servers": [{"hostname", …}]}``; AdminError names a bad field.
    """
    account, region, wanted = body.get("account"), body.get("region"), body.get("servers")
    if not isinstance(account, str) or not isinstance(region, str) or not isinstance(wanted, list):
        raise AdminError('expected {"account": "111122223333", "region": "us-east-2", "servers": [{…}]}')
    for item in wanted:
        _check(item)
    scope = core.scope(account, region)
    with core.lock:
        _make_ready(core, scope)
        return {"sourceServerIDs": [_add(core, scope, item) for item in wanted]}


def _make_ready(core: Core, scope: Scope) -> None:
    """Initialize the scope, with the replication template that installing an agent requires."""
    scope.initialized = True
    if not scope.replication_templates:
        template_id = scope.new_id("rct", core.seed)
        arn = scope.arn("replication-configuration-template", template_id)
        scope.replication_templates[template_id] = Template(
            template_id, arn, replication_template_defaults(), {}
        )


def _check(item: Any) -> None:
    if not isinstance(item, dict) or not isinstance(item.get("hostname"), str):
        raise AdminError(f"a source server is an object with a hostname, not {item!r}")
    for name, value in item.items():
        if name not in _FIELDS:
            raise AdminError(f"a source server has no field {name!r}; known are {', '.join(sorted(_FIELDS))}")
        if name in _CHOICES and value not in _CHOICES[name]:
            raise AdminError(
                f"source server field {name!r}: {value!r} is not one of {', '.join(_CHOICES[name])}"
            )
    for disk in item.get("disks", []):
        if not isinstance(disk, dict) or set(disk) != {"deviceName", "bytes"}:
            raise AdminError(f"a disk is {{'deviceName': '/dev/xvda', 'bytes': 8589934592}}, not {disk!r}")


def _add(core: Core, scope: Scope, item: dict[str, Any]) -> str:
    server_id = item.get("sourceServerID") or scope.new_id("s", core.seed)
    if server_id in scope.servers:
        raise AdminError(f"source server {server_id} exists already", status=409)
    added_at = core.now() - timedelta(days=core.settings.seeded_age_days)
    state = item.get("dataReplicationState", "CONTINUOUS")
    disks = [
        Disk(disk["deviceName"], int(disk["bytes"])) for disk in item.get("disks") or [dict(_DEFAULT_DISK)]
    ]
    name = item.get("tags", {}).get("Name", item["hostname"])
    launch = new_launch_configuration(core.settings, scope, server_id, name)
    launch.update(item.get("launchConfiguration", {}))
    scope.counters["server"] = scope.counters.get("server", 0) + 1
    server = SourceServer(
        server_id=server_id,
        arn=scope.arn("source-server", server_id),
        number=scope.counters["server"],
        hostname=item["hostname"],
        platform=item.get("platform", "linux"),
        architecture=item.get("architecture", "x86_64"),
        boot_mode=item.get("bootMode", "legacy-bios"),
        disks=disks,
        replication=Replication(
            state=state,
            lag_seconds=float(item.get("lagSeconds", 0)),
            error=item.get("replicationError") or ("AGENT_NOT_SEEN" if state == "STALLED" else None),
            snapshots_since=added_at if state in LAUNCHABLE_STATES else None,
            replicated=1.0 if state in LAUNCHABLE_STATES else 0.0,
            rescanned=1.0 if state in LAUNCHABLE_STATES else 0.0,
            initiated_at=added_at,
            first_byte_at=added_at if state != "INITIATING" else None,
        ),
        added_at=added_at,
        launch=launch,
        replication_settings=new_replication_configuration(scope, server_id, name, disks),
        tags=dict(item.get("tags", {})),
        instance_id=item.get("awsInstanceID"),
        private_ip=item.get("privateIpAddress"),
        mac_address=item.get("macAddress"),
        origin_account=item.get("originAccountID"),
        origin_region=item.get("originRegion"),
        origin_zone=item.get("originAvailabilityZone"),
        agent_version=item.get("agentVersion", "6.42.20"),
        staging_account=item.get("stagingAccountID", scope.account),
    )
    _check_against_model(core, scope, server)
    scope.servers[server_id] = server
    if core.replication_of(server)[0] == "STALLED":
        core.stalled_seen.add(server_id)
    runs.reconsider(core, server)
    return server_id


def _check_against_model(core: Core, scope: Scope, server: SourceServer) -> None:
    """AdminError for a server that DRS could not describe, so that no later response breaks."""
    problems = response_problems(
        "DescribeSourceServers", {"items": [views.source_server(core, scope, server)]}
    ) + response_problems("GetLaunchConfiguration", server.launch)
    if problems:
        path, text = problems[0]
        raise AdminError(f"source server {server.hostname!r}: {path.removeprefix('items.1.member.')}: {text}")
