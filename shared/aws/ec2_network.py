"""What surrounds instances in one scope: security groups, route tables, network ACLs and subnets of EC2."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from shared.aws.cross_account import MemberAccounts
from shared.aws.drs_client import chunks
from shared.aws.ec2_client import FILTER_VALUES
from shared.aws.errors import calling
from shared.model.ec2 import Instance
from shared.model.scope import Scope
from shared.rules.checks.reverse_facts import AclEntry, EgressRule, NetworkFacts, Route

_TARGETS = (
    "GatewayId",
    "NatGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "NetworkInterfaceId",
    "InstanceId",
    "LocalGatewayId",
    "CarrierGatewayId",
    "CoreNetworkArn",
)
"""Where a route may lead (EC2 API reference, Route); a route has one of them."""


class Ec2Network:
    """One scope, acting as the member role behind ``accounts``. Raises ``shared.aws.errors``."""

    def __init__(self, accounts: MemberAccounts, scope: Scope) -> None:
        self.scope = scope
        self._accounts = accounts

    def subnet_blocks(self, subnet_ids: Sequence[str]) -> dict[str, str]:
        """The IPv4 block of these subnets, by id; unknown ids are left out."""
        found = self._around("describe_subnets", "Subnets", "subnet-id", sorted(set(subnet_ids)))
        return {subnet["SubnetId"]: subnet["CidrBlock"] for subnet in found}

    def egress_of(self, instances: Sequence[Instance]) -> dict[str, NetworkFacts]:
        """How the network of these instances lets them out, by instance id: their security groups, and the
        route table and network ACL of their subnets. ``staging_destination`` is left to the caller.
        """
        groups = sorted({group for instance in instances for group in instance.security_group_ids})
        vpcs = sorted({instance.vpc_id for instance in instances if instance.vpc_id})
        egress = {
            item["GroupId"]: tuple(_egress(item["IpPermissionsEgress"]))
            for item in self._around("describe_security_groups", "SecurityGroups", "group-id", groups)
        }
        tables = list(self._around("describe_route_tables", "RouteTables", "vpc-id", vpcs))
        lists = list(self._around("describe_network_acls", "NetworkAcls", "vpc-id", vpcs))
        return {
            instance.instance_id: NetworkFacts(
                egress=tuple(rule for group in instance.security_group_ids for rule in egress.get(group, ())),
                routes=_routes(tables, instance),
                acl=_acl(lists, instance),
                public_ip=instance.public_ip is not None,
            )
            for instance in instances
        }

    def _around(self, operation: str, members: str, name: str, values: list[str]) -> Iterator[dict[str, Any]]:
        """The pages of a describe call that is filtered by one of the things around instances."""
        action = "".join(word.capitalize() for word in operation.split("_"))
        for some in chunks(values, FILTER_VALUES):
            with calling(action, str(self.scope)):
                filters = [{"Name": name, "Values": some}]
                for page in (
                    self._accounts.client("ec2", self.scope)
                    .get_paginator(operation)
                    .paginate(Filters=filters)
                ):
                    yield from page[members]


def _egress(permissions: Sequence[dict[str, Any]]) -> Iterator[EgressRule]:
    for permission in permissions:
        destinations = [item["CidrIp"] for item in permission.get("IpRanges", [])]
        destinations += [item["PrefixListId"] for item in permission.get("PrefixListIds", [])]
        destinations += [item["GroupId"] for item in permission.get("UserIdGroupPairs", [])]
        for destination in destinations:
            yield EgressRule(
                protocol=permission["IpProtocol"],
                from_port=permission.get("FromPort"),
                to_port=permission.get("ToPort"),
                destination=destination,
            )


def _routes(tables: Sequence[dict[str, Any]], instance: Instance) -> tuple[Route, ...]:
    """Of the table that the subnet is associated with, else of the main table of its VPC."""
    own = [t for t in tables if any(a.get("SubnetId") == instance.subnet_id for a in t["Associations"])]
    main = [
        t for t in tables if t["VpcId"] == instance.vpc_id and any(a.get("Main") for a in t["Associations"])
    ]
    return tuple(
        Route(
            destination=route["DestinationCidrBlock"],
            target=next((str(route[name]) for name in _TARGETS if route.get(name)), "unknown"),
            active=route.get("State", "active") == "active",
        )
        for table in (own or main)[:1]
        for route in table["Routes"]
        if route.get("DestinationCidrBlock")
    )


def _acl(lists: Sequence[dict[str, Any]], instance: Instance) -> tuple[AclEntry, ...] | None:
    own = [acl for acl in lists if any(a["SubnetId"] == instance.subnet_id for a in acl["Associations"])]
    default = [acl for acl in lists if acl["VpcId"] == instance.vpc_id and acl["IsDefault"]]
    for acl in (own or default)[:1]:
        return tuple(
            AclEntry(
                number=entry["RuleNumber"],
                allow=entry["RuleAction"] == "allow",
                protocol=entry["Protocol"],
                from_port=entry.get("PortRange", {}).get("From"),
                to_port=entry.get("PortRange", {}).get("To"),
                destination=entry["CidrBlock"],
            )
            for entry in acl["Entries"]
            if entry["Egress"] and entry.get("CidrBlock")
        )
    return None
