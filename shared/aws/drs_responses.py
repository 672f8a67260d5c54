"""The answers of DRS as values of ``shared.model``."""

from __future__ import annotations

import re
from typing import Any

from shared.model.drs import (
    Job,
    JobLogItem,
    LaunchedServer,
    LaunchSettings,
    LaunchTemplate,
    RecoveryInstance,
    ReplicationProgress,
    ReplicationTemplate,
    SourceServer,
)
from shared.model.ec2 import Volume
from shared.model.scope import Scope


def source_server(item: dict[str, Any], site: str, scope: Scope) -> SourceServer:
    properties = item.get("sourceProperties", {})
    hints = properties.get("identificationHints", {})
    cloud = item.get("sourceCloudProperties", {})
    replication = item.get("dataReplicationInfo", {})
    interfaces = properties.get("networkInterfaces", [])
    tags = item.get("tags", {})
    return SourceServer(
        source_server_id=item["sourceServerID"],
        arn=item["arn"],
        name=tags.get("Name") or hints.get("hostname") or "",
        scope=scope,
        site=site,
        hostname=hints.get("hostname"),
        original_instance_id=hints.get("awsInstanceID"),
        origin_account=cloud.get("originAccountID"),
        origin_region=cloud.get("originRegion"),
        platform=platform_of(properties.get("os", {}).get("fullString", "")),
        architecture=properties.get("architecture"),
        replication_state=replication.get("dataReplicationState", "UNKNOWN"),
        lag_seconds=duration_seconds(replication.get("lagDuration")),
        agent_version=item.get("agentVersion"),
        staging_account=item.get("stagingArea", {}).get("stagingAccountID"),
        recovery_instance_id=item.get("recoveryInstanceId"),
        last_launch_status=item.get("lastLaunchResult"),
        replication_direction=item.get("replicationDirection", "FAILOVER"),
        stalled_reason=replication.get("dataReplicationError", {}).get("error"),
        disks=tuple(
            Volume(device=disk["deviceName"], size=int(disk["bytes"])) for disk in properties.get("disks", [])
        ),
        tags=tags,
        progress=progress(replication),
        last_seen=item.get("lifeCycle", {}).get("lastSeenByServiceDateTime"),
        mac_addresses=tuple(one["macAddress"] for one in interfaces if one.get("macAddress")),
        private_ips=tuple(ip for one in interfaces for ip in one.get("ips", [])),
    )


def progress(replication: dict[str, Any]) -> ReplicationProgress | None:
    disks = replication.get("replicatedDisks", [])
    if not disks:
        return None

    def added_up(field: str) -> int:
        return sum(int(disk.get(field, 0)) for disk in disks)

    return ReplicationProgress(
        total_bytes=added_up("totalStorageBytes"),
        replicated_bytes=added_up("replicatedStorageBytes"),
        backlog_bytes=added_up("backloggedStorageBytes"),
        rescanned_bytes=added_up("rescannedStorageBytes"),
        every_disk_rescanned=all(
            disk.get("rescannedStorageBytes", 0) >= disk.get("totalStorageBytes", 0) for disk in disks
        ),
        eta=replication.get("etaDateTime"),
    )


def recovery_instance(item: dict[str, Any]) -> RecoveryInstance:
    return RecoveryInstance(
        recovery_instance_id=item["recoveryInstanceID"],
        ec2_instance_id=item["ec2InstanceID"],
        ec2_state=item["ec2InstanceState"],
        source_server_id=item["sourceServerID"],
        job_id=item.get("jobID"),
        is_drill=item.get("isDrill", False),
        replication_state=item.get("dataReplicationInfo", {}).get("dataReplicationState"),
        failback_state=item.get("failback", {}).get("state"),
        point_in_time=item.get("pointInTimeSnapshotDateTime"),
    )


def platform_of(os_text: str) -> str:
    """``sourceProperties.os.fullString`` or EC2's platform text as "windows" or "linux"."""
    return "windows" if "windows" in os_text.lower() else "linux"


_DURATION = re.compile(
    r"P(?:(?P<days>[\d.]+)D)?(?:T(?:(?P<hours>[\d.]+)H)?(?:(?P<minutes>[\d.]+)M)?(?:(?P<seconds>[\d.]+)S)?)?$"
)


def duration_seconds(text: str | None) -> float | None:
    """An ISO 8601 duration as DRS writes them ("P0D", "P2DT1H32M12.136909S") in seconds; None if none."""
    found = _DURATION.match(text or "")
    if not found:
        return None
    part = {name: float(value or 0) for name, value in found.groupdict().items()}
    return part["days"] * 86400 + part["hours"] * 3600 + part["minutes"] * 60 + part["seconds"]


def launch_settings(item: dict[str, Any]) -> LaunchSettings:
    return LaunchSettings(
        copy_private_ip=item.get("copyPrivateIp", False),
        copy_tags=item.get("copyTags", False),
        launch_disposition=item.get("launchDisposition", "STARTED"),
        right_sizing=item.get("targetInstanceTypeRightSizingMethod", "NONE"),
        launch_into_instance_id=item.get("launchIntoInstanceProperties", {}).get("launchIntoEC2InstanceID")
        or None,
        recovery_mode=item.get("recoveryMode"),
        os_byol=item.get("licensing", {}).get("osByol", False),
    )


def job_log_item(item: dict[str, Any]) -> JobLogItem:
    return JobLogItem(
        event=item["event"],
        source_server_id=item.get("eventData", {}).get("sourceServerID"),
        raw_error=item.get("eventData", {}).get("rawError"),
        at=item["logDateTime"],
    )


def replication_template(item: dict[str, Any]) -> ReplicationTemplate:
    return ReplicationTemplate(
        staging_subnet=item.get("stagingAreaSubnetId") or None,
        private_routing=item.get("dataPlaneRouting") == "PRIVATE_IP",
    )


def launch_template(item: dict[str, Any]) -> LaunchTemplate:
    return LaunchTemplate(
        launch_into_source=item.get("launchIntoSourceInstance", False),
        copies=item.get("copyTags", False) or item.get("copyPrivateIp", False),
    )


def job(item: dict[str, Any], scope: Scope) -> Job:
    return Job(
        job_id=item["jobID"],
        scope=scope,
        type=item.get("type", "LAUNCH"),
        status=item.get("status", "PENDING"),
        created_at=item.get("creationDateTime", ""),
        ended_at=item.get("endDateTime"),
        servers=tuple(
            LaunchedServer(server["sourceServerID"], server.get("launchStatus"))
            for server in item.get("participatingServers", [])
            if "sourceServerID" in server
        ),
        tags=item.get("tags", {}),
    )
