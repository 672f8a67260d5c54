"""What instances need around them in one scope: a VPC with subnets and egress, security groups, a profile.

Servers reach the internet through a NAT gateway, the staging area of DRS directly: agents need 443 to the
endpoints of the Region they replicate to, and 1500 to the replication servers there (DRS user guide,
network requirements). In a failback that is the origin's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from local.fleet.addresses import staging_block, vpc_blocks
from local.fleet.cloud import ClientFactory, FleetNotBuiltError
from local.fleet.model import Fleet, IssueKind, Place
from shared.model.scope import Scope

PROFILE = "AWSElasticDisasterRecoveryRecoveryInstanceWithLaunchActionsRole"
"""The ready-made role that lets an instance act as a recovery instance (DRS user guide,
launch-general-settings)."""

_PROFILE_PATH = "/service-role/"
_POLICIES = (
    "arn:aws:iam::aws:policy/service-role/AWSElasticDisasterRecoveryRecoveryInstancePolicy",
    "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",
)
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
_ANYWHERE = "0.0.0.0/0"


@dataclass(frozen=True, slots=True)
class Network:
    """The network of one scope. ``subnets``: id by CIDR; ``closed_group`` lets nothing out."""

    subnets: dict[str, str]
    staging_subnet: str
    security_group: str
    closed_group: str
    profile_arn: str


def make_networks(fleet: Fleet, clients: ClientFactory) -> dict[Scope, Network]:
    """One network for every scope of the fleet; scopes that several sites share get one for all."""
    cidrs: dict[Scope, dict[str, None]] = {}
    for place in (place for site in fleet.sites for place in (site.origin, site.recovery)):
        cidrs.setdefault(place.scope, {}).update(_cidrs(place))
    profiles = {
        account: _make_profile(clients("iam", account, region))
        for account, region in fleet.member_accounts.items()
    }
    closed = any(server.issue(IssueKind.EGRESS_CLOSED) for server in fleet.servers)
    return {
        scope: _make_network(
            clients("ec2", scope.account, scope.region),
            fleet.name,
            scope,
            found,
            profiles[scope.account],
            closed=closed,
        )
        for scope, found in cidrs.items()
    }


def _cidrs(place: Place) -> dict[str, None]:
    return dict.fromkeys(place.subnets.values())


def _make_network(
    ec2: Any, name: str, scope: Scope, cidrs: Iterable[str], profile_arn: str, *, closed: bool
) -> Network:
    blocks, staging = vpc_blocks(cidrs), staging_block(cidrs)
    if staging is None:
        raise FleetNotBuiltError(f"{scope}: the subnets leave no addresses for the staging subnet of DRS")
    vpc = ec2.create_vpc(CidrBlock=blocks[0])["Vpc"]["VpcId"]
    for block in blocks[1:]:
        ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock=block)
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "Name", "Value": name}])
    subnets = {
        cidr: ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=f"{scope.region}a")["Subnet"][
            "SubnetId"
        ]
        for cidr in cidrs
    }
    staging_subnet = _make_failover(ec2, vpc, staging, f"{scope.region}a")
    group = ec2.create_security_group(GroupName=name, Description=f"Servers of {name}", VpcId=vpc)["GroupId"]
    closed_group = _make_closed_group(ec2, name, vpc) if closed else group
    return Network(subnets, staging_subnet, group, closed_group, profile_arn)


def _make_failover(ec2: Any, vpc: str, cidr: str, zone: str) -> str:
    """A staging subnet with an internet gateway, and a NAT gateway in it for the others; gives its id."""
    staging: str = ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=zone)["Subnet"]["SubnetId"]
    ec2.create_tags(Resources=[staging], Tags=[{"Key": "Name", "Value": "DRS staging area"}])
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    public = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=public, DestinationCidrBlock=_ANYWHERE, GatewayId=gateway)
    ec2.associate_route_table(RouteTableId=public, SubnetId=staging)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=staging, AllocationId=address)["NatGateway"]["NatGatewayId"]
    own = [{"Name": "vpc-id", "Values": [vpc]}, {"Name": "association.main", "Values": ["true"]}]
    [main] = ec2.describe_route_tables(Filters=own)["RouteTables"]
    ec2.create_route(RouteTableId=main["RouteTableId"], DestinationCidrBlock=_ANYWHERE, NatGatewayId=nat)
    return staging


def _make_closed_group(ec2: Any, name: str, vpc: str) -> str:
    group: str = ec2.create_security_group(
        GroupName=f"{name}-closed", Description=f"Servers of {name} that reach nothing", VpcId=vpc
    )["GroupId"]
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": _ANYWHERE}]}
    ec2.revoke_security_group_egress(GroupId=group, IpPermissions=[everything])
    return group


def _make_profile(iam: Any) -> str:
    """The ARN of the account's instance profile for recovery instances, made if it is not there."""
    try:
        iam.create_role(RoleName=PROFILE, Path=_PROFILE_PATH, AssumeRolePolicyDocument=json.dumps(_TRUST))
        for policy in _POLICIES:
            iam.attach_role_policy(RoleName=PROFILE, PolicyArn=policy)
        iam.create_instance_profile(InstanceProfileName=PROFILE, Path=_PROFILE_PATH)
        iam.add_role_to_instance_profile(InstanceProfileName=PROFILE, RoleName=PROFILE)
    except ClientError as error:
        if error.response["Error"]["Code"] != "EntityAlreadyExists":
            raise
    profile: str = iam.get_instance_profile(InstanceProfileName=PROFILE)["InstanceProfile"]["Arn"]
    return profile
