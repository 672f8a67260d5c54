"""RunInstances: images, addresses, block devices, tags; and what the end of an instance frees."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Callable, Iterator
from uuid import uuid4

from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2

from local.ministack.ec2_images import check_architecture, find_image
from local.ministack.ec2_instance_xml import instance_xml, metadata_options_xml
from local.ministack.ec2_instances import named, security_group_refs
from local.ministack.ec2_lifecycle import Lifecycle
from local.ministack.ec2_volumes import Volumes
from local.ministack.ec2_wire import (
    Ec2Error,
    Params,
    Record,
    Response,
    answer,
    element,
    flag,
    groups,
    many,
    one,
    tag_specifications,
)
from local.ministack.images import Image

_RESERVED_FIRST, _RESERVED_LAST = 4, 1
"""AWS keeps the first four addresses of a subnet and the last one."""
_METADATA_OPTIONS: Record = {
    "HttpTokens": "optional",
    "HttpPutResponseHopLimit": "1",
    "HttpEndpoint": "enabled",
    "HttpProtocolIpv6": "disabled",
    "InstanceMetadataTags": "disabled",
}
_METADATA_VALUES = {
    "HttpTokens": ("optional", "required"),
    "HttpEndpoint": ("enabled", "disabled"),
    "HttpProtocolIpv6": ("enabled", "disabled"),
    "InstanceMetadataTags": ("enabled", "disabled"),
}


class Launcher:
    """The handler of RunInstances. ``new_id(prefix)`` makes resource ids."""

    def __init__(self, lifecycle: Lifecycle, volumes: Volumes, new_id: Callable[[str], str]) -> None:
        self._lifecycle = lifecycle
        self._volumes = volumes
        self._new_id = new_id
        lifecycle.on_terminated = self.release

    def run(self, params: Params) -> Response:
        """Launch MaxCount instances when all fit, as AWS does; all of them or none."""
        image = find_image(one(params, "ImageId"))
        instance_type = one(
            params, "InstanceType", "t3.micro" if image.architecture == "x86_64" else "t4g.micro"
        )
        check_architecture(instance_type, image)
        most, least = int(one(params, "MaxCount", "1")), int(one(params, "MinCount", "1"))
        if least > most:
            raise Ec2Error("InvalidParameterCombination", "MinCount must not exceed MaxCount")
        interface = next(iter(groups(params, "NetworkInterface")), {})
        subnet = _subnet(interface.get("SubnetId") or one(params, "SubnetId", ec2._DEFAULT_SUBNET_ID))
        asked = many(params, "SecurityGroupId") or [
            value for name, value in interface.items() if name.startswith("SecurityGroupId.")
        ]
        refs = security_group_refs(asked or [_default_group(subnet)])
        wanted = interface.get("PrivateIpAddress") or one(params, "PrivateIpAddress")
        addresses = self._addresses(subnet, wanted, most)
        profile = _profile(params)
        launched = []
        for index, address in enumerate(addresses):
            instance = self._record(image, instance_type, subnet, address, refs, index)
            instance["KeyName"] = one(params, "KeyName")
            instance["UserData"] = one(params, "UserData")
            instance["IamInstanceProfile"] = profile
            instance["Placement"]["Tenancy"] = one(params, "Placement.Tenancy", "default")
            instance["EbsOptimized"] = flag(params, "EbsOptimized")
            instance["MetadataOptions"] = metadata_options(params, "MetadataOptions.")
            instance["_protected_from_termination"] = flag(params, "DisableApiTermination")
            instance["_protected_from_stop"] = flag(params, "DisableApiStop")
            self._attach_devices(instance, image, params)
            if tags := tag_specifications(params, "instance"):
                ec2._tags[instance["InstanceId"]] = [dict(tag) for tag in tags]
            if profile:
                ec2._upsert_iam_instance_profile_association(instance["InstanceId"], profile)
            self._lifecycle.start(instance)
            launched.append(instance)
        return answer(
            "RunInstances",
            element("reservationId", f"r-{uuid4().hex[:17]}")
            + element("ownerId", get_account_id())
            + "<groupSet/>"
            + f"<instancesSet>{''.join(map(instance_xml, launched))}</instancesSet>",
        )

    def modify_metadata_options(self, params: Params) -> Response:
        """Change the IMDS options of one instance, running or not."""
        (instance,) = named([one(params, "InstanceId")])
        instance["MetadataOptions"] = metadata_options(params, "", instance["MetadataOptions"])
        return answer(
            "ModifyInstanceMetadataOptions",
            element("instanceId", instance["InstanceId"])
            + f"<instanceMetadataOptions>{metadata_options_xml(instance)}</instanceMetadataOptions>",
        )

    def release(self, instance: Record) -> None:
        """Give back the address and the volumes of a terminated instance."""
        subnet = ec2._subnets.get(instance["SubnetId"])
        if subnet:
            subnet["AvailableIpAddressCount"] += 1
        instance["_terminated_at"] = self._lifecycle.clock.now().timestamp()
        self._volumes.release(instance)
        association = ec2._find_active_iam_instance_profile_association(instance["InstanceId"])
        if association:
            ec2._mark_iam_instance_profile_association_disassociated(association)

    def _addresses(self, subnet: Record, wanted: str, count: int) -> list[str]:
        network = ipaddress.ip_network(subnet["CidrBlock"])
        used = {
            instance["PrivateIpAddress"]
            for instance in ec2._instances.values()
            if instance["SubnetId"] == subnet["SubnetId"] and instance["State"]["Name"] != "terminated"
        }
        if not wanted:
            free = [address for address in _hosts(network, count + len(used)) if address not in used][:count]
            if len(free) < count:
                raise Ec2Error(
                    "InsufficientFreeAddressesInSubnet",
                    f"The specified subnet {subnet['SubnetId']} does not have enough free addresses "
                    "to satisfy the request.",
                )
        else:
            if count > 1:
                raise Ec2Error(
                    "InvalidParameterCombination", "PrivateIpAddress cannot be used with several instances"
                )
            if ipaddress.ip_address(wanted) not in network:
                raise Ec2Error(
                    "InvalidParameterValue",
                    f"Address {wanted} does not fall within the subnet's address range",
                )
            if wanted in used:
                raise Ec2Error("InvalidIPAddress.InUse", f"Address {wanted} is in use.")
            free = [wanted]
        subnet["AvailableIpAddressCount"] = network.num_addresses - 5 - len(used) - len(free)
        return free

    def _record(
        self, image: Image, instance_type: str, subnet: Record, address: str, refs: list[Record], index: int
    ) -> Record:
        name, region = self._new_id("i"), get_region()
        dashed = address.replace(".", "-")
        domain = "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"
        public = ec2._random_ip("54.") if subnet.get("MapPublicIpOnLaunch") else None
        record: Record = {
            "InstanceId": name,
            "ImageId": image.image_id,
            "InstanceType": instance_type,
            "State": {"Code": 0, "Name": "pending"},
            "SubnetId": subnet["SubnetId"],
            "VpcId": subnet["VpcId"],
            "PrivateIpAddress": address,
            "PrivateDnsName": f"ip-{dashed}.{domain}",
            "PublicIpAddress": public,
            "PublicDnsName": f"ec2-{public.replace('.', '-')}.compute-1.amazonaws.com" if public else "",
            "SourceDestCheck": True,
            "SecurityGroups": [dict(ref) for ref in refs],
            "Architecture": image.architecture,
            "BootMode": image.boot_mode,
            "CurrentInstanceBootMode": image.boot_mode,
            "PlatformDetails": image.platform_details,
            "RootDeviceType": "ebs",
            "RootDeviceName": image.root_device,
            "Hypervisor": "xen",  # what AWS answers for Nitro as well
            "Virtualization": "hvm",
            "Placement": {"AvailabilityZone": subnet["AvailabilityZone"], "Tenancy": "default"},
            "Monitoring": {"State": "disabled"},
            "AmiLaunchIndex": index,
            "LaunchTime": self._lifecycle.timestamp(),
            "BlockDeviceMappings": [],
        }
        if image.platform == "windows":
            record["Platform"] = "windows"
        ec2._instances[name] = record
        return record

    def _attach_devices(self, instance: Record, image: Image, params: Params) -> None:
        devices = {image.root_device: {"Ebs.VolumeSize": str(image.root_size)}}
        for mapping in groups(params, "BlockDeviceMapping"):
            device = mapping.get("DeviceName", "")
            if "NoDevice" in mapping:
                devices.pop(device, None)
            else:
                devices[device] = {**devices.get(device, {}), **mapping}
        tags = tag_specifications(params, "volume")
        for device, wanted in devices.items():
            volume = self._volumes.create(
                zone=instance["Placement"]["AvailabilityZone"],
                size=wanted.get("Ebs.VolumeSize"),
                snapshot_id=wanted.get("Ebs.SnapshotId"),
                volume_type=wanted.get("Ebs.VolumeType", "gp3"),
                encrypted=wanted.get("Ebs.Encrypted", "false") == "true",
                tags=tags,
            )
            keep = wanted.get("Ebs.DeleteOnTermination", "true").lower() == "false"
            self._volumes.attach_to(instance, volume, device, delete_on_termination=not keep)


def metadata_options(params: Params, prefix: str, now: Record | None = None) -> Record:
    """IMDS options as a request states them, on top of those of ``now`` or the defaults of new instances.

    The defaults are those of an image that asks for nothing (EC2 user guide, configuring-IMDS-new-instances).
    """
    options = dict(now or _METADATA_OPTIONS)
    for name in options:
        options[name] = one(params, prefix + name, str(options[name]))
    for name, values in _METADATA_VALUES.items():
        if options[name] not in values:
            raise Ec2Error("InvalidParameterValue", f"Value ({options[name]}) for {name} is invalid")
    return options


def _subnet(subnet_id: str) -> Record:
    found: Record | None = ec2._subnets.get(subnet_id)
    if found is None:
        raise Ec2Error("InvalidSubnetID.NotFound", f"The subnet ID '{subnet_id}' does not exist")
    return found


def _default_group(subnet: Record) -> str:
    for group in ec2._security_groups.values():
        if group["GroupName"] == "default" and group.get("VpcId") == subnet["VpcId"]:
            return str(group["GroupId"])
    return str(ec2._DEFAULT_SG_ID)


def _profile(params: Params) -> Record | None:
    arn, name = one(params, "IamInstanceProfile.Arn"), one(params, "IamInstanceProfile.Name")
    if not arn and not name:
        return None
    found, error = ec2._resolve_iam_instance_profile(iam_arn=arn, iam_name=name, allow_missing=False)
    if error is not None:
        kind, value = ("name", name) if name else ("arn", arn)
        raise Ec2Error(
            "InvalidParameterValue",
            f"Value ({value}) for parameter iamInstanceProfile.{kind} is invalid. "
            f"Invalid IAM Instance Profile {kind}",
        )
    profile: Record = found
    return profile


def _hosts(network: ipaddress.IPv4Network | ipaddress.IPv6Network, count: int) -> Iterator[str]:
    last = min(network.num_addresses - _RESERVED_LAST, _RESERVED_FIRST + count)
    for index in range(_RESERVED_FIRST, last):
        yield str(network[index])


class SeededIds:
    """Resource ids that look like EC2's and depend only on the seed and on how many came before."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._made: dict[tuple[str, str, str], int] = {}

    def __call__(self, prefix: str) -> str:
        key = (get_account_id(), get_region(), prefix)
        self._made[key] = number = self._made.get(key, 0) + 1
        digits = random.Random(f"{self._seed}/{'/'.join(key)}/{number}").getrandbits(64)
        return f"{prefix}-0{digits:016x}"
