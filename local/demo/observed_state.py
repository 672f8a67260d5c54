"""What EC2 and DRS themselves say of a fleet, on both sides: the demo believes no report."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from local.cli.client import Cloud
from local.fleet import Fleet
from shared.model.ec2 import TARGET_TAG_KEY, TARGET_TAG_VALUE
from shared.model.scope import Scope


@dataclass(frozen=True, slots=True)
class Sighting:
    """One instance as DescribeInstances shows it. ``tagged``: DRS may launch into it."""

    instance_id: str
    state: str
    private_ip: str | None
    volumes: frozenset[str]
    tagged: bool = True


@dataclass(frozen=True, slots=True)
class Replica:
    """One source server as DescribeSourceServers shows it. ``protects``: the EC2 instance it replicates."""

    source_server_id: str
    scope: Scope
    direction: str
    state: str
    protects: str | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """All scopes of a fleet at one moment.

    ``instances`` by id; ``recovered_into``: EC2 instance id by source server, for every recovery instance;
    ``replicas`` by source server id.
    """

    instances: dict[str, Sighting]
    recovered_into: dict[str, str]
    replicas: dict[str, Replica] = field(default_factory=dict)

    def runs_at(self, source_server_id: str) -> Sighting | None:
        """Where a server runs: in its recovery instance if DRS has one, else where it is replicated from."""
        replica = self.replicas.get(source_server_id)
        instance_id = self.recovered_into.get(source_server_id) or (replica.protects if replica else None)
        return self.instances.get(instance_id or "")


def gather(fleet: Fleet, cloud: Cloud) -> Evidence:
    """Look at every origin and recovery scope of the fleet."""
    instances: dict[str, Sighting] = {}
    recovered_into: dict[str, str] = {}
    replicas: dict[str, Replica] = {}
    for scope in fleet.member_scopes:
        for item in _pages(cloud, scope, "ec2", "describe_instances", "Reservations"):
            for instance in item["Instances"]:
                sighting = _sighting(instance)
                instances[sighting.instance_id] = sighting
        for item in _pages(cloud, scope, "drs", "describe_recovery_instances", "items"):
            recovered_into[item["sourceServerID"]] = item["ec2InstanceID"]
        for item in _pages(cloud, scope, "drs", "describe_source_servers", "items"):
            replicas[item["sourceServerID"]] = _replica(item, scope)
    return Evidence(instances, recovered_into, replicas)


def _pages(cloud: Cloud, scope: Scope, service: str, operation: str, key: str) -> list[dict[str, Any]]:
    client = cloud.client(service, scope.account, scope.region)
    return [item for page in client.get_paginator(operation).paginate() for item in page[key]]


def _sighting(instance: dict[str, Any]) -> Sighting:
    tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", ())}
    return Sighting(
        instance_id=instance["InstanceId"],
        state=instance["State"]["Name"],
        private_ip=instance.get("PrivateIpAddress"),
        volumes=frozenset(mapping["Ebs"]["VolumeId"] for mapping in instance["BlockDeviceMappings"]),
        tagged=tags.get(TARGET_TAG_KEY) == TARGET_TAG_VALUE,
    )


def _replica(item: dict[str, Any], scope: Scope) -> Replica:
    hints = item.get("sourceProperties", {}).get("identificationHints", {})
    return Replica(
        source_server_id=item["sourceServerID"],
        scope=scope,
        direction=item.get("replicationDirection", "FAILOVER"),
        state=item.get("dataReplicationInfo", {}).get("dataReplicationState", ""),
        protects=hints.get("awsInstanceID"),
    )
