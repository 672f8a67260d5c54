"""What instances need around them in one scope: a VPC with subnets, a security group, an instance profile."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from local.fleet.cloud import ClientFactory
from local.fleet.model import Fleet, Place
from shared.model import Scope

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
_VPC_PREFIX = 16  # the largest block a VPC takes


@dataclass(frozen=True, slots=True)
class Network:
    """The network of one scope. ``subnets``: id by CIDR."""

    subnets: dict[str, str]
    security_group: str
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
    return {
        scope: _make_network(
            clients("ec2", scope.account, scope.region), fleet.name, scope, found, profiles[scope.account]
        )
        for scope, found in cidrs.items()
    }


def _cidrs(place: Place) -> dict[str, None]:
    return dict.fromkeys(place.subnets.values())


def _make_network(ec2: Any, name: str, scope: Scope, cidrs: Iterable[str], profile_arn: str) -> Network:
    blocks = list(
        dict.fromkeys(str(ipaddress.ip_network(cidr).supernet(new_prefix=_VPC_PREFIX)) for cidr in cidrs)
    )
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
    group = ec2.create_security_group(GroupName=name, Description=f"Servers of {name}", VpcId=vpc)
    return Network(subnets, group["GroupId"], profile_arn)


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
