"""EBS volumes and snapshots: attachments seen from both sides, and AWS's errors."""

from __future__ import annotations

from collections.abc import Callable

from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2

from local.ministack.ec2_filters import SNAPSHOT_FIELDS, VOLUME_FIELDS, page, select
from local.ministack.ec2_lifecycle import Lifecycle
from local.ministack.ec2_wire import (
    Ec2Error,
    Handler,
    Params,
    Record,
    Response,
    answer,
    element,
    flag,
    items,
    many,
    one,
    tag_specifications,
)


class Volumes:
    """Handlers by operation name in ``handlers``. ``new_id(prefix)`` makes resource ids."""

    def __init__(self, lifecycle: Lifecycle, new_id: Callable[[str], str]) -> None:
        self._lifecycle = lifecycle
        self._new_id = new_id
        self.handlers: dict[str, Handler] = {
            "CreateVolume": self.create_volume,
            "DeleteVolume": self.delete_volume,
            "DescribeVolumes": self.describe_volumes,
            "AttachVolume": self.attach_volume,
            "DetachVolume": self.detach_volume,
            "CreateSnapshot": self.create_snapshot,
            "DescribeSnapshots": self.describe_snapshots,
        }

    # --- for instances ---------------------------------------------------------------------------------

    def create(
        self,
        *,
        zone: str,
        size: str | None,
        snapshot_id: str | None,
        volume_type: str = "gp2",
        encrypted: bool = False,
        iops: str = "",
        tags: list[dict[str, str]] | None = None,
    ) -> Record:
        """Make a volume, available at once. ``size`` in GiB, by default the snapshot's."""
        snapshot = _snapshot(snapshot_id) if snapshot_id else None
        gib = int(size) if size else int(snapshot["VolumeSize"]) if snapshot else 8
        if snapshot and gib < int(snapshot["VolumeSize"]):
            raise Ec2Error(
                "InvalidParameterValue",
                f"The size of the volume ({gib}) must not be smaller than that of the snapshot "
                f"({snapshot['VolumeSize']}).",
            )
        name = self._new_id("vol")
        gp3 = volume_type == "gp3"
        volume: Record = {
            "VolumeId": name,
            "Size": gib,
            "AvailabilityZone": zone,
            "State": "available",
            "VolumeType": volume_type,
            "SnapshotId": snapshot_id or "",
            "Iops": int(iops) if iops else 3000 if gp3 else 100,
            "Encrypted": encrypted or bool(snapshot and snapshot["Encrypted"]),
            "CreateTime": self._lifecycle.timestamp(),
            "Attachments": [],
            "MultiAttachEnabled": False,
            "Throughput": 125 if gp3 else 0,
        }
        ec2._volumes[name] = volume
        if tags:
            ec2._tags[name] = [dict(tag) for tag in tags]
        return volume

    def attach_to(
        self, instance: Record, volume: Record, device: str, *, delete_on_termination: bool = False
    ) -> Record:
        """Record an attachment on both sides and return the volume's."""
        now = self._lifecycle.timestamp()
        attachment: Record = {
            "VolumeId": volume["VolumeId"],
            "InstanceId": instance["InstanceId"],
            "Device": device,
            "State": "attached",
            "AttachTime": now,
            "DeleteOnTermination": delete_on_termination,
        }
        volume["Attachments"] = [attachment]
        volume["State"] = "in-use"
        instance["BlockDeviceMappings"].append(
            {
                "DeviceName": device,
                "Ebs": {
                    "VolumeId": volume["VolumeId"],
                    "Status": "attached",
                    "AttachTime": now,
                    "DeleteOnTermination": delete_on_termination,
                },
            }
        )
        return attachment

    def release(self, instance: Record) -> None:
        """Delete or free the volumes of a terminated instance."""
        for mapping in instance["BlockDeviceMappings"]:
            volume = ec2._volumes.get(mapping["Ebs"]["VolumeId"])
            if volume is None:
                continue
            if mapping["Ebs"]["DeleteOnTermination"]:
                del ec2._volumes[volume["VolumeId"]]
            else:
                volume.update(State="available", Attachments=[])
        instance["BlockDeviceMappings"] = []

    # --- operations ------------------------------------------------------------------------------------

    def create_volume(self, params: Params) -> Response:
        zone = one(params, "AvailabilityZone")
        if not zone:
            raise Ec2Error("MissingParameter", "The request must contain the parameter AvailabilityZone")
        if not zone.startswith(get_region()) or len(zone) != len(get_region()) + 1:
            raise Ec2Error("InvalidZone.NotFound", f"The zone '{zone}' does not exist.")
        if not one(params, "Size") and not one(params, "SnapshotId"):
            raise Ec2Error("MissingParameter", "The request must contain the parameter size/snapshot")
        volume = self.create(
            zone=zone,
            size=one(params, "Size") or None,
            snapshot_id=one(params, "SnapshotId") or None,
            volume_type=one(params, "VolumeType", "gp2"),
            encrypted=flag(params, "Encrypted"),
            iops=one(params, "Iops"),
            tags=tag_specifications(params, "volume"),
        )
        return answer("CreateVolume", ec2._volume_inner_xml(volume))

    def delete_volume(self, params: Params) -> Response:
        volume = _volume(one(params, "VolumeId"))
        if volume["Attachments"]:
            attached = volume["Attachments"][0]["InstanceId"]
            raise Ec2Error("VolumeInUse", f"Volume {volume['VolumeId']} is currently attached to {attached}")
        del ec2._volumes[volume["VolumeId"]]
        ec2._tags.pop(volume["VolumeId"], None)
        return answer("DeleteVolume", element("return", True))

    def describe_volumes(self, params: Params) -> Response:
        ids = many(params, "VolumeId")
        found = select(
            params,
            [_volume(name) for name in ids] if ids else ec2._volumes.values(),
            "VolumeId",
            VOLUME_FIELDS,
        )
        shown, token = page(params, found, named=bool(ids))
        return answer(
            "DescribeVolumes", items("volumeSet", map(_volume_xml, shown)) + element("nextToken", token)
        )

    def attach_volume(self, params: Params) -> Response:
        volume, instance = _volume(one(params, "VolumeId")), _instance(one(params, "InstanceId"))
        name, device = volume["VolumeId"], one(params, "Device")
        if not device:
            raise Ec2Error("MissingParameter", "The request must contain the parameter device")
        if volume["Attachments"]:
            raise Ec2Error("VolumeInUse", f"{name} is already attached to an instance")
        if volume["State"] != "available":
            raise Ec2Error("IncorrectState", f"{name} is not 'available'.")
        if instance["State"]["Name"] not in ("running", "stopped"):
            raise Ec2Error("IncorrectState", f"Instance '{instance['InstanceId']}' is not 'running'.")
        if volume["AvailabilityZone"] != instance["Placement"]["AvailabilityZone"]:
            raise Ec2Error(
                "InvalidVolume.ZoneMismatch",
                f"The volume '{name}' is not in the same availability zone as instance "
                f"'{instance['InstanceId']}'",
            )
        if any(mapping["DeviceName"] == device for mapping in instance["BlockDeviceMappings"]):
            raise Ec2Error(
                "InvalidParameterValue",
                f"Invalid value '{device}' for unixDevice. Attachment point {device} is already in use",
            )
        return answer("AttachVolume", _attachment_xml(self.attach_to(instance, volume, device), "attaching"))

    def detach_volume(self, params: Params) -> Response:
        volume = _volume(one(params, "VolumeId"))
        name, asked = volume["VolumeId"], one(params, "InstanceId")
        if not volume["Attachments"]:
            raise Ec2Error("IncorrectState", f"Volume '{name}' is in the 'available' state.")
        attachment = volume["Attachments"][0]
        if asked and asked != attachment["InstanceId"]:
            _instance(asked)
            raise Ec2Error(
                "InvalidAttachment.NotFound",
                f"The volume '{name}' is not attached to the instance '{asked}'.",
            )
        instance = _instance(attachment["InstanceId"])
        is_root = attachment["Device"] == instance["RootDeviceName"]
        if is_root and instance["State"]["Name"] != "stopped":
            raise Ec2Error(
                "OperationNotPermitted",
                f"Unable to detach root volume '{name}' from instance '{instance['InstanceId']}'",
            )
        volume.update(State="available", Attachments=[])
        instance["BlockDeviceMappings"] = [
            mapping for mapping in instance["BlockDeviceMappings"] if mapping["Ebs"]["VolumeId"] != name
        ]
        return answer("DetachVolume", _attachment_xml(attachment, "detaching"))

    def create_snapshot(self, params: Params) -> Response:
        volume = _volume(one(params, "VolumeId"))
        name = self._new_id("snap")
        snapshot: Record = {
            "SnapshotId": name,
            "VolumeId": volume["VolumeId"],
            "VolumeSize": volume["Size"],
            "Description": one(params, "Description"),
            "StartTime": self._lifecycle.timestamp(),
            "_ends": self._lifecycle.snapshot_ends(),
            "OwnerId": get_account_id(),
            "Encrypted": volume["Encrypted"],
            "StorageTier": "standard",
        }
        ec2._snapshots[name] = snapshot
        self._age(snapshot)
        if tags := tag_specifications(params, "snapshot"):
            ec2._tags[name] = tags
        return answer("CreateSnapshot", ec2._snapshot_inner_xml(snapshot))

    def _age(self, snapshot: Record) -> None:
        done = "_ends" not in snapshot or snapshot["_ends"] <= self._lifecycle.clock.now()
        snapshot.update(State="completed" if done else "pending", Progress="100%" if done else "50%")

    def describe_snapshots(self, params: Params) -> Response:
        ids, owners = many(params, "SnapshotId"), many(params, "Owner")
        records = [_snapshot(name) for name in ids] if ids else ec2._snapshots.values()
        for record in records:
            self._age(record)
        mine = {"self", get_account_id()}
        found = [
            record
            for record in select(params, records, "SnapshotId", SNAPSHOT_FIELDS)
            if not owners or record["OwnerId"] in owners or mine & set(owners)
        ]
        shown, token = page(params, found, named=bool(ids))
        return answer(
            "DescribeSnapshots",
            items("snapshotSet", map(ec2._snapshot_inner_xml, shown)) + element("nextToken", token),
        )


def _volume(name: str) -> Record:
    found: Record | None = ec2._volumes.get(name)
    if found is None:
        raise Ec2Error("InvalidVolume.NotFound", f"The volume '{name}' does not exist.")
    return found


def _snapshot(name: str) -> Record:
    found: Record | None = ec2._snapshots.get(name)
    if found is None:
        raise Ec2Error("InvalidSnapshot.NotFound", f"The snapshot '{name}' does not exist.")
    return found


def _instance(name: str) -> Record:
    found: Record | None = ec2._instances.get(name)
    if found is None:
        raise Ec2Error("InvalidInstanceID.NotFound", f"The instance ID '{name}' does not exist")
    return found


def _volume_xml(volume: Record) -> str:
    throughput = element("throughput", volume["Throughput"] or None)
    return str(ec2._volume_inner_xml(volume)) + throughput


def _attachment_xml(attachment: Record, status: str) -> str:
    return (
        element("volumeId", attachment["VolumeId"])
        + element("instanceId", attachment["InstanceId"])
        + element("device", attachment["Device"])
        + element("status", status)
        + element("attachTime", attachment["AttachTime"])
        + element("deleteOnTermination", attachment["DeleteOnTermination"])
    )
