"""What EC2 and DRS themselves say of a fleet's targets, before and after: the demo believes no report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from local.fleet import Fleet
from local.reach import Cloud
from shared.model import Scope


@dataclass(frozen=True, slots=True)
class Sighting:
    """One instance as DescribeInstances shows it."""

    instance_id: str
    state: str
    private_ip: str | None
    volumes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Evidence:
    """``instances`` by id, of all recovery scopes; ``recovered_into``: EC2 instance id by source server."""

    instances: dict[str, Sighting]
    recovered_into: dict[str, str]


def gather(fleet: Fleet, cloud: Cloud) -> Evidence:
    """Look at every recovery scope of the fleet."""
    instances: dict[str, Sighting] = {}
    recovered_into: dict[str, str] = {}
    for scope in dict.fromkeys(site.recovery.scope for site in fleet.sites):
        for item in _pages(cloud, scope, "ec2", "describe_instances", "Reservations"):
            for instance in item["Instances"]:
                sighting = _sighting(instance)
                instances[sighting.instance_id] = sighting
        for item in _pages(cloud, scope, "drs", "describe_recovery_instances", "items"):
            recovered_into[item["sourceServerID"]] = item["ec2InstanceID"]
    return Evidence(instances, recovered_into)


def _pages(cloud: Cloud, scope: Scope, service: str, operation: str, key: str) -> list[dict[str, Any]]:
    client = cloud.client(service, scope.account, scope.region)
    return [item for page in client.get_paginator(operation).paginate() for item in page[key]]


def _sighting(instance: dict[str, Any]) -> Sighting:
    return Sighting(
        instance_id=instance["InstanceId"],
        state=instance["State"]["Name"],
        private_ip=instance.get("PrivateIpAddress"),
        volumes=frozenset(mapping["Ebs"]["VolumeId"] for mapping in instance["BlockDeviceMappings"]),
    )
