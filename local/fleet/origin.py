"""DRS at the origin, ready for the failback: initialized, and with both templates, by the account itself.

The console asks for the same before it lets a replication be reversed (DRS user guide, failback to the
source Region): ReverseReplication makes a source server at the origin by these templates.
"""

from __future__ import annotations

from typing import Any

from local.fleet.cloud import ClientFactory
from local.fleet.model import Fleet
from local.fleet.network import Network
from shared.model.scope import Scope


def make_ready_for_failback(fleet: Fleet, clients: ClientFactory, networks: dict[Scope, Network]) -> None:
    """Initialize DRS in every origin scope of the fleet, and make the templates that are not there yet."""
    for scope in dict.fromkeys(site.origin.scope for site in fleet.sites):
        drs = clients("drs", scope.account, scope.region)
        drs.initialize_service()
        if not drs.describe_replication_configuration_templates()["items"]:
            drs.create_replication_configuration_template(**_replication(networks[scope]))
        if not drs.describe_launch_configuration_templates()["items"]:
            drs.create_launch_configuration_template(
                copyPrivateIp=False,
                copyTags=False,
                launchDisposition="STARTED",
                launchIntoSourceInstance=True,
                targetInstanceTypeRightSizingMethod="NONE",
            )


def _replication(network: Network) -> dict[str, Any]:
    return {
        "associateDefaultSecurityGroup": True,
        "bandwidthThrottling": 0,
        "createPublicIP": True,
        "dataPlaneRouting": "PUBLIC_IP",
        "defaultLargeStagingDiskType": "GP3",
        "ebsEncryption": "DEFAULT",
        "pitPolicy": [
            {"interval": 10, "retentionDuration": 60, "ruleID": 1, "units": "MINUTE"},
            {"interval": 1, "retentionDuration": 24, "ruleID": 2, "units": "HOUR"},
            {"interval": 1, "retentionDuration": 7, "ruleID": 3, "units": "DAY"},
        ],
        "replicationServerInstanceType": "t3.small",
        "replicationServersSecurityGroupsIDs": [],
        "stagingAreaSubnetId": network.staging_subnet,
        "stagingAreaTags": {},
        "useDedicatedReplicationServer": False,
    }
