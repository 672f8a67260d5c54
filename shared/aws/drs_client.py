"""AWS Elastic Disaster Recovery in one scope: paging, chunking and error classes hidden."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.aws.cross_account import ONCE, MemberAccounts
from shared.aws.errors import calling
from shared.model.drs import (
    Job,
    JobLogItem,
    LaunchedServer,
    LaunchSettings,
    RecoveryInstance,
    ReplicationProgress,
    SourceServer,
)
from shared.model.ec2 import Volume
from shared.model.scope import Scope

IDS_PER_FILTER = 200
"""DescribeSourceServers and DescribeRecoveryInstances take at most 200 ids (DRS service model)."""
JOB_IDS_PER_FILTER = 1000
PAGE = 200


@dataclass(frozen=True, slots=True)
class ReplicationTemplate:
    """``private_routing``: data go over private addresses (VPN, peering), not over the internet."""

    staging_subnet: str | None
    private_routing: bool


@dataclass(frozen=True, slots=True)
class LaunchTemplate:
    """``launch_into_source``: reversed servers are set to launch into the instance they came from (DRS user
    guide, default-drs-launch-into-source-instance); ``copies``: tags or private addresses are copied.
    """

    launch_into_source: bool = False
    copies: bool = False


class DrsClient:
    """One scope's DRS, acting as the member role behind ``accounts``. Raises ``shared.aws.errors``."""

    def __init__(self, accounts: MemberAccounts, scope: Scope) -> None:
        self.scope = scope
        self._accounts = accounts

    def source_servers(self, site: str) -> list[SourceServer]:
        """Every source server of the scope."""
        return [
            _source_server(item, site, self.scope)
            for item in self._pages("describe_source_servers", filters={}, maxResults=PAGE)
        ]

    def launch_settings(self, source_server_id: str) -> LaunchSettings:
        with calling("GetLaunchConfiguration", self._where(source_server_id)):
            return _launch_settings(self._drs.get_launch_configuration(sourceServerID=source_server_id))

    def update_launch_settings(self, source_server_id: str, changes: Mapping[str, Any]) -> None:
        """UpdateLaunchConfiguration with ``changes`` in the API's own names. Set-style: may be repeated."""
        with calling("UpdateLaunchConfiguration", self._where(source_server_id)):
            self._drs.update_launch_configuration(sourceServerID=source_server_id, **changes)

    def has_recovery_point(self, source_server_id: str) -> bool:
        """Whether there is a point in time to recover to."""
        with calling("DescribeRecoverySnapshots", self._where(source_server_id)):
            answer = self._drs.describe_recovery_snapshots(
                sourceServerID=source_server_id, order="DESC", maxResults=1
            )
        return bool(answer["items"])

    def jobs(self, job_ids: Sequence[str]) -> list[Job]:
        """These jobs as they stand."""
        return [
            _job(item, self.scope)
            for some in chunks(job_ids, JOB_IDS_PER_FILTER)
            for item in self._pages("describe_jobs", filters={"jobIDs": some}, maxResults=PAGE)
        ]

    def jobs_since(self, since: str) -> list[Job]:
        """Jobs created at or after ``since`` (ISO 8601)."""
        filters = {"fromDate": since.replace("+00:00", "Z")}
        return [
            _job(item, self.scope) for item in self._pages("describe_jobs", filters=filters, maxResults=PAGE)
        ]

    def job_log(self, job_id: str) -> list[JobLogItem]:
        """The job's log, oldest first."""
        return [
            JobLogItem(
                event=item["event"],
                source_server_id=item.get("eventData", {}).get("sourceServerID"),
                raw_error=item.get("eventData", {}).get("rawError"),
                at=item["logDateTime"],
            )
            for item in self._pages("describe_job_log_items", jobID=job_id, maxResults=PAGE)
        ]

    def recovery_instances(self, source_server_ids: Sequence[str]) -> list[RecoveryInstance]:
        """The recovery instances of these servers; terminated ones left out."""
        found = (
            item
            for some in chunks(source_server_ids, IDS_PER_FILTER)
            for item in self._pages(
                "describe_recovery_instances", filters={"sourceServerIDs": some}, maxResults=PAGE
            )
        )
        return [_recovery_instance(item) for item in found if item["ec2InstanceState"] != "TERMINATED"]

    def recovery_instances_of_scope(self) -> list[RecoveryInstance]:
        """Every recovery instance of the scope; terminated ones left out."""
        found = self._pages("describe_recovery_instances", filters={}, maxResults=PAGE)
        return [_recovery_instance(item) for item in found if item["ec2InstanceState"] != "TERMINATED"]

    def replication_template(self) -> ReplicationTemplate | None:
        """What new source servers of the scope replicate by; None where there is no template."""
        for item in self._pages("describe_replication_configuration_templates", maxResults=PAGE):
            return ReplicationTemplate(
                staging_subnet=item.get("stagingAreaSubnetId") or None,
                private_routing=item.get("dataPlaneRouting") == "PRIVATE_IP",
            )
        return None

    def launch_template(self) -> LaunchTemplate:
        """What new source servers of the scope are launched by; all off where there is no template."""
        for item in self._pages("describe_launch_configuration_templates", maxResults=PAGE):
            return LaunchTemplate(
                launch_into_source=item.get("launchIntoSourceInstance", False),
                copies=item.get("copyTags", False) or item.get("copyPrivateIp", False),
            )
        return LaunchTemplate()

    def start_recovery(
        self, source_server_ids: Sequence[str], *, drill: bool, tags: Mapping[str, str]
    ) -> Job:
        """Start one job for these servers (1 to 100). DRS takes the whole call or refuses it.

        It has no client token: look for an earlier job of your own first, and after an
        ``OutcomeUnknownError`` again.
        """
        drs = self._accounts.client("drs", self.scope, ONCE)
        with calling("StartRecovery", str(self.scope), has_effect=True):
            answer = drs.start_recovery(
                sourceServers=[{"sourceServerID": server} for server in source_server_ids],
                isDrill=drill,
                tags=dict(tags),
            )
        return _job(answer["job"], self.scope)

    def reverse_replication(self, recovery_instance_id: str) -> None:
        """Make a recovery instance replicate to where it came from, or protect it again after a failback.

        It has no client token: look for the reversed server first, and after an ``OutcomeUnknownError``
        again. The ARN in the answer goes stale over the rounds (observed in the field), so it is not given:
        find the reversed server by the EC2 id in its identification hints.
        """
        drs = self._accounts.client("drs", self.scope, ONCE)
        with calling("ReverseReplication", self._where(recovery_instance_id), has_effect=True):
            drs.reverse_replication(recoveryInstanceID=recovery_instance_id)

    def source_servers_by_id(self, source_server_ids: Sequence[str], site: str) -> list[SourceServer]:
        """These source servers; unknown ids are left out."""
        return [
            _source_server(item, site, self.scope)
            for some in chunks(source_server_ids, IDS_PER_FILTER)
            for item in self._pages(
                "describe_source_servers", filters={"sourceServerIDs": some}, maxResults=PAGE
            )
        ]

    def stop_replication(self, source_server_id: str) -> None:
        """StopReplication: the server is protected no more and its snapshots are deleted."""
        with calling("StopReplication", self._where(source_server_id)):
            self._drs.stop_replication(sourceServerID=source_server_id)

    def disconnect_source_server(self, source_server_id: str) -> None:
        """DisconnectSourceServer: refused while the server has a recovery instance."""
        with calling("DisconnectSourceServer", self._where(source_server_id)):
            self._drs.disconnect_source_server(sourceServerID=source_server_id)

    def delete_source_server(self, source_server_id: str) -> None:
        """DeleteSourceServer of a disconnected server."""
        with calling("DeleteSourceServer", self._where(source_server_id)):
            self._drs.delete_source_server(sourceServerID=source_server_id)

    def disconnect_recovery_instance(self, recovery_instance_id: str) -> None:
        """DisconnectRecoveryInstance: impossible once its replication was reversed."""
        with calling("DisconnectRecoveryInstance", self._where(recovery_instance_id)):
            self._drs.disconnect_recovery_instance(recoveryInstanceID=recovery_instance_id)

    def delete_recovery_instance(self, recovery_instance_id: str) -> None:
        """DeleteRecoveryInstance: the record goes, the EC2 instance stays as it is."""
        with calling("DeleteRecoveryInstance", self._where(recovery_instance_id)):
            self._drs.delete_recovery_instance(recoveryInstanceID=recovery_instance_id)

    def terminate_recovery_instances(self, recovery_instance_ids: Sequence[str]) -> Job:
        """Start a job that terminates these instances (1 to 200) in EC2.

        Only for instances that DRS created itself: one that was launched into belongs to a pair.
        """
        drs = self._accounts.client("drs", self.scope, ONCE)
        with calling("TerminateRecoveryInstances", str(self.scope), has_effect=True):
            answer = drs.terminate_recovery_instances(recoveryInstanceIDs=list(recovery_instance_ids))
        return _job(answer["job"], self.scope)

    @property
    def _drs(self) -> Any:
        return self._accounts.client("drs", self.scope)

    def _where(self, what: str) -> str:
        return f"{self.scope} for {what}"

    def _pages(self, operation: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        paginator = self._drs.get_paginator(operation)
        name = "".join(word.capitalize() for word in operation.split("_"))
        with calling(name, str(self.scope)):
            for page in paginator.paginate(**arguments):
                yield from page["items"]


def chunks(values: Sequence[str], size: int) -> Iterator[list[str]]:
    """``values`` in lists of at most ``size``: what one call takes."""
    for start in range(0, len(values), size):
        yield list(values[start : start + size])


def _source_server(item: dict[str, Any], site: str, scope: Scope) -> SourceServer:
    properties = item.get("sourceProperties", {})
    hints = properties.get("identificationHints", {})
    cloud = item.get("sourceCloudProperties", {})
    replication = item.get("dataReplicationInfo", {})
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
        progress=_progress(replication),
    )


def _progress(replication: dict[str, Any]) -> ReplicationProgress | None:
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


def _recovery_instance(item: dict[str, Any]) -> RecoveryInstance:
    return RecoveryInstance(
        recovery_instance_id=item["recoveryInstanceID"],
        ec2_instance_id=item["ec2InstanceID"],
        ec2_state=item["ec2InstanceState"],
        source_server_id=item["sourceServerID"],
        job_id=item.get("jobID"),
        is_drill=item.get("isDrill", False),
        replication_state=item.get("dataReplicationInfo", {}).get("dataReplicationState"),
        failback_state=item.get("failback", {}).get("state"),
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


def _launch_settings(item: dict[str, Any]) -> LaunchSettings:
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


def _job(item: dict[str, Any], scope: Scope) -> Job:
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
