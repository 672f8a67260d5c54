"""EC2 in one scope, as far as targets and originals need it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.config import Config

from shared.aws.bisection import halves
from shared.aws.cross_account import ONCE, STANDARD, MemberAccounts
from shared.aws.drs_client import chunks
from shared.aws.drs_responses import platform_of
from shared.aws.errors import AwsCallError, calling, refusal
from shared.aws.instance_starter import InstanceStarter, start_all
from shared.aws.rate_limits import in_parallel
from shared.model.ec2 import TARGET_TAG_KEY, TARGET_TAG_VALUE, Instance, InstanceHealth, Volume
from shared.model.scope import Scope
from shared.times import iso

IDS_PER_CALL = 100
FILTER_VALUES = 200
"""A filter takes at most 200 values (EC2 API reference, Using filtering)."""
NOT_FOUND = "InvalidInstanceID.NotFound"
"""EC2 refuses a call with ids for one that it does not know (EC2 API reference, Error codes)."""
STANDING_STATES = ["pending", "running", "stopping", "stopped"]


@dataclass(frozen=True, slots=True)
class EbsVolume:
    """A volume in the words of DescribeVolumes. ``state`` is "available" when nothing holds it."""

    volume_id: str
    state: str
    size_gib: int
    type: str
    attached_to: str | None
    tags: dict[str, str]


class Ec2Client:
    """One scope's EC2, acting as the member role behind ``accounts``. Raises ``shared.aws.errors``."""

    def __init__(self, accounts: MemberAccounts, scope: Scope, config: Config = STANDARD) -> None:
        self.scope = scope
        self._accounts = accounts
        self._config = config

    def targets(self) -> list[Instance]:
        """Every standing instance of the scope that is tagged for launching into."""
        return self._described(
            Filters=[
                {"Name": f"tag:{TARGET_TAG_KEY}", "Values": [TARGET_TAG_VALUE]},
                {"Name": "instance-state-name", "Values": STANDING_STATES},
            ]
        )

    def standing(self) -> list[Instance]:
        """Every instance that is not terminated, tagged for launching into or not."""
        return self._described(Filters=[{"Name": "instance-state-name", "Values": STANDING_STATES}])

    def instances(self, instance_ids: Sequence[str]) -> list[Instance]:
        """These instances; unknown ids are left out."""
        return [
            instance
            for some in chunks(instance_ids, FILTER_VALUES)
            for instance in self._described(Filters=[{"Name": "instance-id", "Values": some}])
        ]

    def health(self, instance_ids: Sequence[str]) -> dict[str, InstanceHealth]:
        """State, address and status checks by instance id; unknown ids are left out.

        The address of one that runs is None while its status checks have not ended.
        """
        try:
            statuses = self._statuses(instance_ids)
        except AwsCallError as error:
            if error.code != NOT_FOUND:
                raise
            described = list(self._raw(instance_ids))
            statuses = self._statuses([i["InstanceId"] for i in described if i["State"]["Name"] == "running"])
        else:
            # A description is long, and for one that still boots the status is enough.
            described = list(self._raw([i for i in instance_ids if not _is_booting(statuses.get(i, ()))]))
        found = {item["InstanceId"]: _health(item, statuses.get(item["InstanceId"])) for item in described}
        booting = {i: parts for i, parts in statuses.items() if i not in found and _is_booting(parts)}
        return found | {
            instance_id: InstanceHealth(instance_id, "running", None, False, "/".join(parts), None)
            for instance_id, parts in booting.items()
        }

    def _statuses(self, instance_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
        """The system's and the instance's status check of those that run."""
        statuses = {}
        for some in chunks(instance_ids, IDS_PER_CALL):
            with calling("DescribeInstanceStatus", str(self.scope)):
                answer = self._ec2.describe_instance_status(InstanceIds=some)
            for item in answer["InstanceStatuses"]:
                parts = (item["SystemStatus"]["Status"], item["InstanceStatus"]["Status"])
                statuses[item["InstanceId"]] = parts
        return statuses

    def missing_subnets(self, subnet_ids: Sequence[str]) -> set[str]:
        filters = [{"Name": "subnet-id", "Values": sorted(set(subnet_ids))}]
        with calling("DescribeSubnets", str(self.scope)):
            pages = self._ec2.get_paginator("describe_subnets").paginate(Filters=filters)
            found = {subnet["SubnetId"] for page in pages for subnet in page["Subnets"]}
        return set(subnet_ids) - found

    def missing_security_groups(self, group_ids: Sequence[str]) -> set[str]:
        filters = [{"Name": "group-id", "Values": sorted(set(group_ids))}]
        with calling("DescribeSecurityGroups", str(self.scope)):
            pages = self._ec2.get_paginator("describe_security_groups").paginate(Filters=filters)
            found = {group["GroupId"] for page in pages for group in page["SecurityGroups"]}
        return set(group_ids) - found

    def starter(self, instances: Iterable[Instance]) -> InstanceStarter:
        """What starts these instances, together with those of other scopes: see ``start_all``."""
        groups: dict[Hashable, list[str]] = defaultdict(list)
        for instance in instances:
            groups[instance.instance_type, instance.availability_zone].append(instance.instance_id)
        # botocore would repeat a call that is refused for want of capacity, an HTTP 500, five times.
        ec2 = self._accounts.client("ec2", self.scope, ONCE)
        return InstanceStarter(lambda ids: ec2.start_instances(InstanceIds=ids), self.scope, groups)

    def start(self, instances: Iterable[Instance]) -> dict[str, AwsCallError]:
        """Start these instances; the ones that EC2 refuses, each with its error. Running ones stay so."""
        (refused,) = start_all([self.starter(instances)])
        return refused

    def stop(self, instance_ids: Sequence[str]) -> dict[str, AwsCallError]:
        """Stop these instances; the ones that EC2 refuses, each with its error."""
        return self._each(
            instance_ids, "StopInstances", lambda some: self._ec2.stop_instances(InstanceIds=some)
        )

    def stop_protected(self, instance_ids: Sequence[str]) -> set[str]:
        """Those of these instances that EC2 refuses to stop (``disableApiStop``): a call for each."""

        def is_protected(instance_id: str) -> bool:
            with calling("DescribeInstanceAttribute", f"{self.scope} for {instance_id}"):
                answer = self._ec2.describe_instance_attribute(
                    InstanceId=instance_id, Attribute="disableApiStop"
                )
            return bool(answer["DisableApiStop"]["Value"])

        api = "DescribeInstanceAttribute"
        found = in_parallel(is_protected, instance_ids, api=api, scope=lambda _: self.scope)
        return {i for i, protected in zip(instance_ids, found, strict=True) if protected}

    def volumes(self, volume_ids: Sequence[str]) -> dict[str, EbsVolume]:
        """These volumes by id; unknown ids are left out."""
        found: dict[str, EbsVolume] = {}
        for some in chunks(volume_ids, FILTER_VALUES):
            filters = [{"Name": "volume-id", "Values": some}]
            with calling("DescribeVolumes", str(self.scope)):
                pages = self._ec2.get_paginator("describe_volumes").paginate(Filters=filters)
                found |= {item["VolumeId"]: _volume(item) for page in pages for item in page["Volumes"]}
        return found

    def create_tags(self, resource_ids: Sequence[str], tags: Mapping[str, str]) -> None:
        """Put the same tags on these resources. Set-style: may be repeated."""
        with calling("CreateTags", str(self.scope)):
            self._ec2.create_tags(
                Resources=list(resource_ids),
                Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
            )

    def delete_volume(self, volume_id: str) -> None:
        """DeleteVolume: EC2 refuses one that is attached."""
        with calling("DeleteVolume", f"{self.scope} for {volume_id}"):
            self._ec2.delete_volume(VolumeId=volume_id)

    def root_device(self, instance_id: str) -> str | None:
        """The device name of an instance's root volume, attached or not; None if there is none."""
        return next((item.get("RootDeviceName") for item in self._raw([instance_id])), None)

    def attach_volume(self, volume_id: str, instance_id: str, device: str) -> None:
        """AttachVolume: EC2 refuses a volume that is not available, and a device that is taken."""
        with calling("AttachVolume", f"{self.scope} for {volume_id}"):
            self._ec2.attach_volume(VolumeId=volume_id, InstanceId=instance_id, Device=device)

    def detach_volume(self, volume_id: str, instance_id: str) -> None:
        """DetachVolume: it comes loose some seconds later; a root volume only of a stopped instance."""
        with calling("DetachVolume", f"{self.scope} for {volume_id}"):
            self._ec2.detach_volume(VolumeId=volume_id, InstanceId=instance_id)

    def _each(
        self, instance_ids: Sequence[str], operation: str, call: Callable[[list[str]], Any]
    ) -> dict[str, AwsCallError]:
        """EC2 refuses a whole call for one bad instance: halve it until the bad one stands alone.

        Raises ThrottledError, and AwsUnavailableError without an answer: neither is about an instance.
        """
        refused: dict[str, AwsCallError] = {}
        pending = list(chunks(instance_ids, IDS_PER_CALL))
        while pending:
            some = pending.pop()
            if error := refusal(operation, str(self.scope), partial(call, some)):
                if len(some) == 1:
                    refused[some[0]] = error
                pending += halves(some)
        return refused

    @property
    def _ec2(self) -> Any:
        return self._accounts.client("ec2", self.scope, self._config)

    def _described(self, **arguments: Any) -> list[Instance]:
        return [_instance(item, self.scope) for item in self._reservations(**arguments)]

    def _raw(self, instance_ids: Sequence[str]) -> Iterator[dict[str, Any]]:
        for some in chunks(instance_ids, FILTER_VALUES):
            yield from self._reservations(Filters=[{"Name": "instance-id", "Values": some}])

    def _reservations(self, **arguments: Any) -> Iterator[dict[str, Any]]:
        with calling("DescribeInstances", str(self.scope)):
            for page in self._ec2.get_paginator("describe_instances").paginate(**arguments):
                for reservation in page["Reservations"]:
                    yield from reservation["Instances"]


def _is_booting(checks: Sequence[str]) -> bool:
    return "initializing" in checks and set(checks) <= {"ok", "initializing"}


def _health(item: dict[str, Any], checks: tuple[str, str] | None) -> InstanceHealth:
    status = "ok" if checks == ("ok", "ok") else "/".join(checks or ("not reported",))
    return InstanceHealth(
        instance_id=item["InstanceId"],
        state=item["State"]["Name"],
        private_ip=item.get("PrivateIpAddress"),
        status_ok=status == "ok",
        status=status,
        state_reason=item.get("StateReason", {}).get("Message"),
    )


def _volume(item: dict[str, Any]) -> EbsVolume:
    attached = (item.get("Attachments") or [{}])[0]
    return EbsVolume(
        volume_id=item["VolumeId"],
        state=item["State"],
        size_gib=item["Size"],
        type=item.get("VolumeType", "standard"),
        attached_to=attached.get("InstanceId"),
        tags={tag["Key"]: tag["Value"] for tag in item.get("Tags", [])},
    )


def _instance(item: dict[str, Any], scope: Scope) -> Instance:
    tags = {tag["Key"]: tag["Value"] for tag in item.get("Tags", [])}
    return Instance(
        instance_id=item["InstanceId"],
        name=tags.get("Name", ""),
        scope=scope,
        state=item["State"]["Name"],
        private_ip=item.get("PrivateIpAddress"),
        instance_type=item["InstanceType"],
        platform=platform_of(item.get("Platform") or item.get("PlatformDetails") or ""),
        architecture=item.get("Architecture", "x86_64"),
        boot_mode=item.get("CurrentInstanceBootMode") or item.get("BootMode"),
        root_device_type=item.get("RootDeviceType", "ebs"),
        virtualization=item.get("VirtualizationType", "hvm"),
        availability_zone=item.get("Placement", {}).get("AvailabilityZone", ""),
        subnet_id=item.get("SubnetId"),
        vpc_id=item.get("VpcId"),
        security_group_ids=tuple(group["GroupId"] for group in item.get("SecurityGroups", [])),
        instance_profile_arn=item.get("IamInstanceProfile", {}).get("Arn"),
        tenancy=item.get("Placement", {}).get("Tenancy", "default"),
        lifecycle=item.get("InstanceLifecycle"),
        volumes=tuple(
            Volume(device=mapping["DeviceName"], size=0, volume_id=mapping.get("Ebs", {}).get("VolumeId"))
            for mapping in item.get("BlockDeviceMappings", [])
        ),
        tags=tags,
        public_ip=item.get("PublicIpAddress"),
        metadata_endpoint=item.get("MetadataOptions", {}).get("HttpEndpoint"),
        metadata_tokens=item.get("MetadataOptions", {}).get("HttpTokens"),
        mac_addresses=tuple(
            card["MacAddress"] for card in item.get("NetworkInterfaces", []) if card.get("MacAddress")
        ),
        launched_at=iso(item["LaunchTime"]) if item.get("LaunchTime") else None,
    )
