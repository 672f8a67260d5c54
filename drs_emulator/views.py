"""State in the API's shapes: the dicts that go on the wire."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from drs_emulator.core import Core
from drs_emulator.replication import failback_state
from drs_emulator.replication import views as replication_views
from drs_emulator.state import Job, LogItem, RecoveryInstance, Scope, SourceServer, Template
from drs_emulator.wire.omit_absent import present
from drs_emulator.wire.timestamps import duration, to_wire

_OS = {
    "linux": "Linux version 5.10.220-209.869.amzn2.{machine} (Amazon Linux 2)",
    "windows": "Microsoft Windows Server 2022 Datacenter 10.0.20348",
}


def os_string(server: SourceServer) -> str:
    """The operating system that the agent reports."""
    machine = "aarch64" if server.architecture == "arm64" else "x86_64"
    return _OS[server.platform].format(machine=machine)


def source_server(core: Core, scope: Scope, server: SourceServer) -> dict[str, Any]:
    """A SourceServer."""
    return present(
        {
            "sourceServerID": server.server_id,
            "arn": server.arn,
            "tags": dict(server.tags),
            "recoveryInstanceId": server.recovery_instance_id,
            "lastLaunchResult": server.last_launch_result,
            "dataReplicationInfo": replication_views.of_server(core, server),
            "lifeCycle": _life_cycle(core, server),
            "sourceProperties": _source_properties(server),
            "stagingArea": _staging_area(core, server),
            "sourceCloudProperties": present(
                {
                    "originAccountID": server.origin_account,
                    "originRegion": server.origin_region,
                    "originAvailabilityZone": server.origin_zone,
                }
            ),
            "replicationDirection": server.direction,
            "reversedDirectionSourceServerArn": server.reversed_arn,
            "agentVersion": server.agent_version,
        }
    )


def _staging_area(core: Core, server: SourceServer) -> dict[str, Any]:
    """``stagingAccountID`` is there for servers that extend none, too (service model)."""
    if server.extends is None:
        return present({"status": "NOT_EXTENDED", "stagingAccountID": server.staging_account})
    found = core.server_at(server.extends) is not None
    ref = server.extends
    return present(
        {
            "status": "EXTENDED" if found else "EXTENSION_ERROR",
            "stagingAccountID": ref.account,
            "stagingSourceServerArn": f"arn:aws:drs:{ref.region}:{ref.account}:source-server/{ref.name}",
            "errorMessage": None if found else f"The source server {ref.name} no longer exists",
        }
    )


def _life_cycle(core: Core, server: SourceServer) -> dict[str, Any]:
    last_launch: dict[str, Any] = {"initiated": {}}
    if server.last_launch:
        launch = server.last_launch
        last_launch = {
            "initiated": {
                "apiCallDateTime": to_wire(launch.api_call_at),
                "jobID": launch.job_id,
                "type": "DRILL" if launch.is_drill else "RECOVERY",
            },
            "status": launch.status,
        }
    first_byte = server.replication.first_byte_at
    elapsed = (core.now() - first_byte).total_seconds() if first_byte else None
    seen = _last_seen(core, server)
    return present(
        {
            "addedToServiceDateTime": to_wire(server.added_at),
            "firstByteDateTime": to_wire(first_byte) if first_byte else None,
            "elapsedReplicationDuration": duration(elapsed) if elapsed is not None else None,
            "lastSeenByServiceDateTime": to_wire(seen) if seen else None,
            "lastLaunch": last_launch,
        }
    )


def _last_seen(core: Core, server: SourceServer) -> datetime | None:
    """When the service last saw the agent: now, unless it is missing."""
    state, lag, error = core.replication_of(server)
    if state == "DISCONNECTED":
        return None
    if error == "AGENT_NOT_SEEN":
        # Where a fault says how far it lags, it has been missing since then.
        return core.now() - timedelta(seconds=lag)
    return core.now()


def _source_properties(server: SourceServer) -> dict[str, Any]:
    return {
        "lastUpdatedDateTime": to_wire(server.added_at),
        "recommendedInstanceType": "m6g.large" if server.architecture == "arm64" else "c5.large",
        "identificationHints": present(
            {
                "fqdn": server.hostname,
                "hostname": server.hostname.split(".")[0],
                "awsInstanceID": server.instance_id,
            }
        ),
        "networkInterfaces": _interfaces(server),
        "disks": [{"deviceName": disk.device, "bytes": disk.size} for disk in server.disks],
        "cpus": [{"cores": 2, "modelName": "Graviton" if server.architecture == "arm64" else "Xeon"}],
        "ramBytes": 4 * 1024**3,
        "os": {"fullString": os_string(server)},
        "supportsNitroInstances": True,
        "architecture": server.architecture,
    }


def _interfaces(item: SourceServer | RecoveryInstance) -> list[dict[str, Any]]:
    """The one network interface that an agent reports; none where neither address is known."""
    if not item.private_ip and not item.mac_address:
        return []
    ips = [item.private_ip] if item.private_ip else []
    return [present({"macAddress": item.mac_address, "ips": ips, "isPrimary": True})]


def job(core: Core, item: Job) -> dict[str, Any]:
    """A Job. Real ones never carry status FAILED: failure is per server."""
    return present(
        {
            "jobID": item.job_id,
            "arn": item.arn,
            "type": item.type,
            "initiatedBy": item.initiated_by,
            "creationDateTime": to_wire(item.created_at),
            "endDateTime": to_wire(item.ended_at) if item.ended_at else None,
            "status": item.status,
            "participatingServers": [_participant(core, item, part) for part in item.participants],
            "tags": dict(item.tags),
        }
    )


def _participant(core: Core, item: Job, part: Any) -> dict[str, Any]:
    settings = core.settings
    shows_instance = (
        settings.recovery_instance_id_in_job
        if item.type == "LAUNCH"
        else settings.recovery_instance_id_in_terminate_job
    )
    hidden = part.launch_status == "PENDING" and core.guess("launch_status_before_launch") == "ABSENT"
    return present(
        {
            "sourceServerID": part.server_id,
            "recoveryInstanceID": part.recovery_instance_id if shows_instance else None,
            "launchStatus": None if hidden else part.launch_status,
        }
    )


def log_item(item: LogItem) -> dict[str, Any]:
    """A JobLog."""
    return {"logDateTime": to_wire(item.at), "event": item.event, "eventData": dict(item.data)}


def recovery_instance(
    core: Core, scope: Scope, item: RecoveryInstance, state: str, server: SourceServer | None
) -> dict[str, Any]:
    """A RecoveryInstance; ``state`` is EC2's, as DRS spells it."""
    return present(
        {
            "recoveryInstanceID": item.instance_id,
            "ec2InstanceID": item.instance_id,
            "ec2InstanceState": state,
            "jobID": item.job_id,
            "sourceServerID": item.server_id,
            "arn": item.arn,
            "tags": dict(item.tags),
            "failback": present(
                {
                    "state": failback_state.of(core, item),
                    "failbackInitiationTime": to_wire(item.reversed_at) if item.reversed_at else None,
                    "failbackToOriginalServer": None if item.reversed_to is None else True,
                    "failbackLaunchType": None if item.reversed_to is None else "RECOVERY",
                }
            ),
            "dataReplicationInfo": replication_views.of_recovery_instance(core, item),
            "recoveryInstanceProperties": {
                "lastUpdatedDateTime": to_wire(item.created_at),
                "identificationHints": present(
                    {
                        "awsInstanceID": item.instance_id,
                        "hostname": server.hostname.split(".")[0] if server else None,
                    }
                ),
                "networkInterfaces": _interfaces(item),
                "disks": [
                    {"internalDeviceName": device, "bytes": size, "ebsVolumeID": volume}
                    for device, size, volume in item.volumes
                ],
                "os": {"fullString": os_string(server)} if server else {},
            },
            "pointInTimeSnapshotDateTime": to_wire(item.point_in_time),
            "isDrill": item.is_drill,
            "originEnvironment": "AWS" if server and server.instance_id else "ON_PREMISES",
            "originAvailabilityZone": server.origin_zone if server else None,
            "agentVersion": server.agent_version if server else None,
        }
    )


def launch_template(item: Template) -> dict[str, Any]:
    """A LaunchConfigurationTemplate."""
    return {
        "launchConfigurationTemplateID": item.template_id,
        "arn": item.arn,
        **item.settings,
        "tags": dict(item.tags),
    }


def replication_template(item: Template) -> dict[str, Any]:
    """A ReplicationConfigurationTemplate."""
    return {
        "replicationConfigurationTemplateID": item.template_id,
        "arn": item.arn,
        **item.settings,
        "tags": dict(item.tags),
    }
