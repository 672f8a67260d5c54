"""Filters and pages of EC2's Describe operations. A filter that is not known is refused, as AWS does."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ministack.core.responses import get_account_id
from ministack.services import ec2

from local.ministack.ec2_wire import Ec2Error, Params, Record, filters, one

Field = Callable[[Record], Iterable[Any]]

_ID_FILTERS = {"InstanceId": "instance-id", "VolumeId": "volume-id", "SnapshotId": "snapshot-id"}
_TAG_FILTERS = ("tag-key", "tag-value")


def _of(*path: str) -> Field:
    def read(record: Record) -> Iterable[Any]:
        value: Any = record
        for key in path:
            value = (value or {}).get(key)
        return (value,)

    return read


def _each(items: str, *path: str) -> Field:
    inner = _of(*path)
    return lambda record: [value for item in record.get(items) or () for value in inner(item)]


def _owner(_: Record) -> Iterable[Any]:
    return (get_account_id(),)


INSTANCE_FIELDS: dict[str, Field] = {
    "instance-id": _of("InstanceId"),
    "instance-state-name": _of("State", "Name"),
    "instance-state-code": _of("State", "Code"),
    "instance-type": _of("InstanceType"),
    "image-id": _of("ImageId"),
    "private-ip-address": _of("PrivateIpAddress"),
    "ip-address": _of("PublicIpAddress"),
    "private-dns-name": _of("PrivateDnsName"),
    "vpc-id": _of("VpcId"),
    "subnet-id": _of("SubnetId"),
    "availability-zone": _of("Placement", "AvailabilityZone"),
    "placement-group-name": _of("Placement", "GroupName"),
    "tenancy": _of("Placement", "Tenancy"),
    "key-name": _of("KeyName"),
    "architecture": _of("Architecture"),
    "platform": _of("Platform"),
    "platform-details": _of("PlatformDetails"),
    "boot-mode": _of("BootMode"),
    "current-instance-boot-mode": _of("CurrentInstanceBootMode"),
    "root-device-type": _of("RootDeviceType"),
    "root-device-name": _of("RootDeviceName"),
    "virtualization-type": _of("Virtualization"),
    "hypervisor": _of("Hypervisor"),
    "instance-lifecycle": _of("InstanceLifecycle"),
    "launch-time": _of("LaunchTime"),
    "state-reason-code": _of("StateReason", "Code"),
    "iam-instance-profile.arn": _of("IamInstanceProfile", "Arn"),
    "iam-instance-profile.id": _of("IamInstanceProfile", "Id"),
    "owner-id": _owner,
    "block-device-mapping.device-name": _each("BlockDeviceMappings", "DeviceName"),
    "block-device-mapping.volume-id": _each("BlockDeviceMappings", "Ebs", "VolumeId"),
    "network-interface.addresses.private-ip-address": _of("PrivateIpAddress"),
    "network-interface.private-ip-address": _of("PrivateIpAddress"),
    "network-interface.subnet-id": _of("SubnetId"),
    "network-interface.vpc-id": _of("VpcId"),
    "network-interface.group-id": _each("SecurityGroups", "GroupId"),
    "instance.group-id": _each("SecurityGroups", "GroupId"),
    "instance.group-name": _each("SecurityGroups", "GroupName"),
    "group-id": _each("SecurityGroups", "GroupId"),
    "group-name": _each("SecurityGroups", "GroupName"),
}
VOLUME_FIELDS: dict[str, Field] = {
    "volume-id": _of("VolumeId"),
    "size": _of("Size"),
    "status": _of("State"),
    "volume-type": _of("VolumeType"),
    "availability-zone": _of("AvailabilityZone"),
    "snapshot-id": _of("SnapshotId"),
    "create-time": _of("CreateTime"),
    "encrypted": _of("Encrypted"),
    "attachment.instance-id": _each("Attachments", "InstanceId"),
    "attachment.device": _each("Attachments", "Device"),
    "attachment.status": _each("Attachments", "State"),
    "attachment.delete-on-termination": _each("Attachments", "DeleteOnTermination"),
}
SNAPSHOT_FIELDS: dict[str, Field] = {
    "snapshot-id": _of("SnapshotId"),
    "volume-id": _of("VolumeId"),
    "volume-size": _of("VolumeSize"),
    "status": _of("State"),
    "start-time": _of("StartTime"),
    "progress": _of("Progress"),
    "owner-id": _of("OwnerId"),
    "description": _of("Description"),
    "storage-tier": _of("StorageTier"),
    "encrypted": _of("Encrypted"),
}
SUBNET_FIELDS: dict[str, Field] = {
    "subnet-id": _of("SubnetId"),
    "vpc-id": _of("VpcId"),
    "availability-zone": _of("AvailabilityZone"),
    "availabilityZone": _of("AvailabilityZone"),
    "availability-zone-id": _of("AvailabilityZoneId"),
    "cidr-block": _of("CidrBlock"),
    "cidr": _of("CidrBlock"),
    "cidrBlock": _of("CidrBlock"),
    "state": _of("State"),
    "owner-id": _of("OwnerId"),
    "default-for-az": _of("DefaultForAz"),
    "map-public-ip-on-launch": _of("MapPublicIpOnLaunch"),
    "available-ip-address-count": _of("AvailableIpAddressCount"),
}
GROUP_FIELDS: dict[str, Field] = {
    "group-id": _of("GroupId"),
    "group-name": _of("GroupName"),
    "vpc-id": _of("VpcId"),
    "description": _of("Description"),
    "owner-id": _of("OwnerId"),
}


def check(wanted: Mapping[str, list[str]], fields: Mapping[str, Field]) -> None:
    """Raise InvalidParameterValue for a filter that is not known."""
    for name in wanted:
        if name not in fields and not name.startswith("tag:") and name not in _TAG_FILTERS:
            raise Ec2Error("InvalidParameterValue", f"The filter '{name}' is invalid")


def matches(
    record: Record, resource_id: str, wanted: Mapping[str, list[str]], fields: Mapping[str, Field]
) -> bool:
    """Whether a record passes every filter: any of its values, with ``*`` and ``?``."""
    if not ec2._resource_matches_tag_filters(resource_id, wanted):
        return False
    for name, patterns in wanted.items():
        if name in fields:
            values = [_text(value) for value in fields[name](record) if value is not None]
            if not any(value in patterns for value in values) and not any(
                ec2._glob_match(pattern, value)
                for pattern in patterns
                if is_glob(pattern)
                for value in values
            ):
                return False
    return True


def is_glob(pattern: str) -> bool:
    """Whether a filter's value stands for several."""
    return "*" in pattern or "?" in pattern


def select(
    params: Params, records: Iterable[Record], id_key: str, fields: Mapping[str, Field]
) -> list[Record]:
    """The records that pass a request's filters."""
    wanted = filters(params)
    check(wanted, fields)
    ids = wanted.get(_ID_FILTERS[id_key]) if id_key in _ID_FILTERS else None
    if ids is not None and not any(map(is_glob, ids)):
        some = set(ids)
        records = [record for record in records if record[id_key] in some]
    return [record for record in records if matches(record, record[id_key], wanted, fields)]


def page(
    params: Params, records: list[Record], *, named: bool, least: int = 5
) -> tuple[list[Record], str | None]:
    """One page of ``records`` and the next token. ``named``: the request names ids, so it has no pages."""
    size, token = one(params, "MaxResults"), one(params, "NextToken")
    if not size and not token:
        return records, None
    if named:
        raise Ec2Error(
            "InvalidParameterCombination",
            "The parameter MaxResults cannot be used with a list of ids in the same request",
        )
    limit = int(size or 1000)
    if limit < least:
        raise Ec2Error(
            "InvalidParameterValue",
            f"Value ( {limit} ) for parameter maxResults is invalid. Expecting a value greater than {least}.",
        )
    try:
        begin = int(base64.b64decode(token)) if token else 0
    except (ValueError, binascii.Error):
        raise Ec2Error("InvalidNextToken", "The token is not valid") from None
    end = begin + min(limit, 1000)
    more = base64.b64encode(str(end).encode()).decode() if end < len(records) else None
    return records[begin:end], more


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
