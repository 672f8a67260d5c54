"""Launch and replication settings: the defaults of new servers and of templates."""

from __future__ import annotations

from typing import Any

from drs_emulator.settings import Settings
from drs_emulator.state import Disk, Scope, hashed_id
from drs_emulator.wire import service_model

DEFAULT_POLICY: list[dict[str, Any]] = [
    {"ruleID": 1, "units": "MINUTE", "interval": 10, "retentionDuration": 60, "enabled": True},
    {"ruleID": 2, "units": "HOUR", "interval": 1, "retentionDuration": 24, "enabled": True},
    {"ruleID": 3, "units": "DAY", "interval": 1, "retentionDuration": 7, "enabled": True},
]
"""The points in time that DRS keeps by default (DRS user guide, Replication-Related-FAQ)."""


def _members(operation: str, *without: str) -> list[str]:
    return [name for name in service_model.input_members(operation) if name not in without]


LAUNCH_FIELDS = _members("UpdateLaunchConfiguration", "sourceServerID")
LAUNCH_TEMPLATE_FIELDS = _members("CreateLaunchConfigurationTemplate", "tags")
REPLICATION_FIELDS = _members("UpdateReplicationConfiguration", "sourceServerID")
REPLICATION_TEMPLATE_FIELDS = _members("CreateReplicationConfigurationTemplate", "tags")


def chosen(params: dict[str, Any], fields: list[str]) -> dict[str, Any]:
    """The members of ``params`` that are among ``fields``."""
    return {key: params[key] for key in fields if key in params}


def launch_template_defaults(settings: Settings) -> dict[str, Any]:
    """The launch configuration template of an empty request."""
    return {
        "launchDisposition": settings.default_launch_disposition,
        "targetInstanceTypeRightSizingMethod": settings.default_right_sizing,
        "copyPrivateIp": settings.default_copy_private_ip,
        "copyTags": settings.default_copy_tags,
        "licensing": {"osByol": False},
        "postLaunchEnabled": False,
        "launchIntoSourceInstance": False,
        "recoveryMode": "OPTIMAL",
    }


def new_launch_configuration(settings: Settings, scope: Scope, server_id: str, name: str) -> dict[str, Any]:
    """The launch configuration of a server just added, from the scope's template if there is one."""
    base = launch_template_defaults(settings)
    for template in scope.launch_templates.values():
        base.update(template.settings)
    base.pop("launchIntoSourceInstance", None)
    base.pop("exportBucketArn", None)
    template_id = hashed_id("lt", server_id)
    return {"sourceServerID": server_id, "name": name, "ec2LaunchTemplateID": template_id, **base}


def replication_template_defaults() -> dict[str, Any]:
    """The console's defaults for replication settings."""
    return {
        "stagingAreaSubnetId": "subnet-0d5000000000000aa",
        "associateDefaultSecurityGroup": True,
        "replicationServersSecurityGroupsIDs": [],
        "replicationServerInstanceType": "t3.small",
        "useDedicatedReplicationServer": False,
        "defaultLargeStagingDiskType": "AUTO",
        "ebsEncryption": "DEFAULT",
        "bandwidthThrottling": 0,
        "dataPlaneRouting": "PRIVATE_IP",
        "createPublicIP": False,
        "stagingAreaTags": {},
        "pitPolicy": [dict(rule) for rule in DEFAULT_POLICY],
        "autoReplicateNewDisks": False,
        "internetProtocol": "IPV4",
    }


def new_replication_configuration(
    scope: Scope, server_id: str, name: str, disks: list[Disk]
) -> dict[str, Any]:
    """The replication configuration of a server just added, from the scope's first template."""
    base = replication_template_defaults()
    for template in list(scope.replication_templates.values())[:1]:
        base.update(template.settings)
    replicated = [
        {
            "deviceName": disk.device,
            "isBootDisk": index == 0,
            "stagingDiskType": "AUTO",
            "optimizedStagingDiskType": "GP3",
            "iops": 3000,
            "throughput": 125,
        }
        for index, disk in enumerate(disks)
    ]
    return {"sourceServerID": server_id, "name": name, "replicatedDisks": replicated, **base}
