"""EC2's Describe operations on what instances are made of: images, types, subnets, security groups."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ministack.services import ec2

from local.ministack.ec2_filters import GROUP_FIELDS, SUBNET_FIELDS, Field, check, matches, page, select
from local.ministack.ec2_images import is_arm
from local.ministack.ec2_wire import (
    Ec2Error,
    Handler,
    Params,
    Record,
    Response,
    answer,
    element,
    filters,
    items,
    many,
)
from local.ministack.images import BY_ID, Image

_TYPE = re.compile(r"^([a-z]+)(\d+)[a-z\d-]*\.(nano|micro|small|medium|large|xlarge|(\d+)xlarge|metal.*)$")
_COMMON = ("t3.micro", "t3.small", "t3.medium", "t3.large", "m6i.large", "m6i.xlarge", "m6i.2xlarge")
_GIB_PER_CPU = {"c": 2, "m": 4, "r": 8, "x": 16}
_BURSTABLE_GIB = {"nano": 0.5, "micro": 1, "small": 2, "medium": 4, "large": 8, "xlarge": 16}
_AMAZON = "137112412989"

_IMAGE_FIELDS: dict[str, Field] = {
    "image-id": lambda image: (image["ImageId"],),
    "name": lambda image: (image["Name"],),
    "architecture": lambda image: (image["Architecture"],),
    "platform": lambda image: (image["Platform"],),
    "boot-mode": lambda image: (image["BootMode"],),
    "root-device-type": lambda image: ("ebs",),
    "root-device-name": lambda image: (image["RootDeviceName"],),
    "virtualization-type": lambda image: ("hvm",),
    "state": lambda image: ("available",),
    "is-public": lambda image: ("true",),
    "owner-id": lambda image: (_AMAZON,),
    "owner-alias": lambda image: ("amazon",),
    "description": lambda image: (image["Name"],),
}


class Catalog:
    """Handlers by operation name in ``handlers``."""

    def __init__(self) -> None:
        self._other_images: Handler = ec2._ACTION_MAP["DescribeImages"]
        self.handlers: dict[str, Handler] = {
            "DescribeImages": self.describe_images,
            "DescribeInstanceTypes": describe_instance_types,
            "DescribeSubnets": describe_subnets,
            "DescribeSecurityGroups": describe_security_groups,
        }

    def describe_images(self, params: Params) -> Response:
        """Built-in images and those that MiniStack knows. An unknown id is refused."""
        ids = many(params, "ImageId")
        wanted, owners = filters(params), set(many(params, "Owner"))
        check(wanted, _IMAGE_FIELDS)
        status, headers, body = self._other_images(params)
        others = body.decode()
        missing = [name for name in ids if name not in BY_ID and f"<imageId>{name}</imageId>" not in others]
        if missing and not wanted and not owners:
            raise Ec2Error("InvalidAMIID.NotFound", f"The image id '[{', '.join(missing)}]' does not exist")
        records = [_image_record(image) for image in BY_ID.values() if not ids or image.image_id in ids]
        ours = [
            f"<item>{_image_xml(BY_ID[record['ImageId']])}</item>"
            for record in records
            if matches(record, record["ImageId"], wanted, _IMAGE_FIELDS)
            and (not owners or owners & {"amazon", _AMAZON})
        ]
        return status, headers, others.replace("</imagesSet>", "".join(ours) + "</imagesSet>", 1).encode()


def describe_instance_types(params: Params) -> Response:
    """Processors, memory and boot modes by the rules of AWS's names; unknown names are refused."""
    asked = many(params, "InstanceType")
    unknown = [name for name in asked if not _TYPE.match(name)]
    if unknown:
        raise Ec2Error(
            "InvalidInstanceType",
            f"The following supplied instance types do not exist: [{', '.join(unknown)}]",
        )
    return answer("DescribeInstanceTypes", items("instanceTypeSet", map(_type_xml, asked or _COMMON)))


def describe_subnets(params: Params) -> Response:
    ids = many(params, "SubnetId")
    records = (
        _named(ids, ec2._subnets, "InvalidSubnetID.NotFound", "The subnet ID '{}' does not exist")
        if ids
        else ec2._subnets.values()
    )
    shown, token = page(params, select(params, records, "SubnetId", SUBNET_FIELDS), named=bool(ids))
    return answer(
        "DescribeSubnets",
        f"<subnetSet>{''.join(map(ec2._subnet_xml, shown))}</subnetSet>" + element("nextToken", token),
    )


def describe_security_groups(params: Params) -> Response:
    ids, names = many(params, "GroupId"), many(params, "GroupName")
    records: Iterable[Record] = (
        _named(ids, ec2._security_groups, "InvalidGroup.NotFound", "The security group '{}' does not exist")
        if ids
        else ec2._security_groups.values()
    )
    found = [
        record
        for record in select(params, records, "GroupId", GROUP_FIELDS)
        if not names or record["GroupName"] in names
    ]
    shown, token = page(params, found, named=bool(ids))
    return answer(
        "DescribeSecurityGroups",
        f"<securityGroupInfo>{''.join(map(ec2._sg_xml, shown))}</securityGroupInfo>"
        + element("nextToken", token),
    )


def _named(ids: list[str], store: Record, code: str, message: str) -> list[Record]:
    for name in ids:
        if name not in store:
            raise Ec2Error(code, message.format(name))
    return [store[name] for name in ids]


def _image_record(image: Image) -> Record:
    return {
        "ImageId": image.image_id,
        "Name": image.name,
        "Architecture": image.architecture,
        "Platform": "windows" if image.platform == "windows" else None,
        "BootMode": image.boot_mode,
        "RootDeviceName": image.root_device,
    }


def _image_xml(image: Image) -> str:
    ebs = (
        element("deleteOnTermination", True)
        + element("volumeSize", image.root_size)
        + element("volumeType", "gp3")
    )
    return (
        element("imageId", image.image_id)
        + element("imageLocation", f"amazon/{image.name}")
        + element("imageState", "available")
        + element("imageOwnerId", _AMAZON)
        + element("imageOwnerAlias", "amazon")
        + element("isPublic", True)
        + element("architecture", image.architecture)
        + element("imageType", "machine")
        + element("name", image.name)
        + element("platform", "windows" if image.platform == "windows" else None)
        + element("platformDetails", image.platform_details)
        + element("rootDeviceType", "ebs")
        + element("rootDeviceName", image.root_device)
        + items("blockDeviceMapping", [element("deviceName", image.root_device) + f"<ebs>{ebs}</ebs>"])
        + element("virtualizationType", "hvm")
        + element("hypervisor", "xen")
        + element("bootMode", image.boot_mode)
    )


def _type_xml(name: str) -> str:
    found = _TYPE.match(name)
    assert found is not None
    family, _, size, times = found.groups()
    cpus = 4 * int(times) if times else {"xlarge": 4}.get(size, 2) if not size.startswith("metal") else 96
    gib = _BURSTABLE_GIB.get(size, 8 * cpus / 2) if family == "t" else cpus * _GIB_PER_CPU.get(family[0], 4)
    arm = is_arm(name)
    modes = ("uefi",) if arm else ("legacy-bios", "uefi")
    return (
        element("instanceType", name)
        + element("currentGeneration", True)
        + items("supportedUsageClasses", ["on-demand"])
        + items("supportedRootDeviceTypes", ["ebs"])
        + items("supportedVirtualizationTypes", ["hvm"])
        + element("bareMetal", size.startswith("metal"))
        + element("hypervisor", "xen" if name.startswith("t2.") else "nitro")
        + f"<processorInfo>{items('supportedArchitectures', ['arm64' if arm else 'x86_64'])}</processorInfo>"
        + f"<vCpuInfo>{element('defaultVCpus', cpus)}</vCpuInfo>"
        + f"<memoryInfo>{element('sizeInMiB', int(gib * 1024))}</memoryInfo>"
        + element("instanceStorageSupported", False)
        + f"<networkInfo>{element('enaSupport', 'required')}</networkInfo>"
        + element("burstablePerformanceSupported", family == "t")
        + items("supportedBootModes", modes)
    )
