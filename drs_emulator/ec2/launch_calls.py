"""What a launch does in EC2, call by call: the swap of volumes, or a new instance.

Inferred from the managed policies, which allow DRS on an instance tagged AWSDRS only AttachVolume,
DetachVolume, StartInstances and reading the console: new volumes come from snapshots in the target's zone,
the old ones are detached and left available, and nothing else of the instance changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from drs_emulator.ec2.instances import MANAGED_TAG
from drs_emulator.state import Disk, SourceServer

_GIB = 1024**3


@dataclass(frozen=True, slots=True)
class NewVolume:
    """A volume made for one disk of the source. ``device`` is where it goes on the target."""

    volume_id: str
    device: str
    size: int


@dataclass(frozen=True, slots=True)
class Image:
    """The AMI of a plain launch, with the device name that its root volume must take."""

    image_id: str
    root_device: str

    @classmethod
    def read(cls, drs_ec2: Any, image_id: str) -> Image:
        """Ask EC2, as DRS itself."""
        found = drs_ec2.describe_images(ImageIds=[image_id])["Images"]
        return cls(image_id, found[0]["RootDeviceName"] if found else "/dev/xvda")


def gib(size: int) -> int:
    """Whole GiB that hold ``size`` bytes, at least one."""
    return max(1, -(-size // _GIB))


def _tags(kind: str, name: str) -> list[dict[str, Any]]:
    return [{"ResourceType": kind, "Tags": [MANAGED_TAG, {"Key": "Name", "Value": name}]}]


def take_snapshot(drs_ec2: Any, zone: str, server: SourceServer, disk: Disk) -> str:
    """An EBS snapshot of a staging disk, by DRS itself. The staging disk is created for it alone."""
    name = f"AWS Elastic Disaster Recovery staging disk for {server.server_id}"
    staging = drs_ec2.create_volume(
        AvailabilityZone=zone,
        Size=gib(disk.size),
        VolumeType="gp3",
        TagSpecifications=_tags("volume", name),
    )["VolumeId"]
    snapshot = drs_ec2.create_snapshot(
        VolumeId=staging,
        Description=f"Created by AWS Elastic Disaster Recovery for {server.server_id}",
        TagSpecifications=_tags("snapshot", name),
    )["SnapshotId"]
    drs_ec2.delete_volume(VolumeId=staging)
    return str(snapshot)


def old_volumes(instance: dict[str, Any]) -> list[tuple[str, str]]:
    """(device, volume id) of what is attached to an instance, its root first."""
    root = instance.get("RootDeviceName")
    attached = [
        (mapping["DeviceName"], mapping["Ebs"]["VolumeId"])
        for mapping in instance.get("BlockDeviceMappings", [])
        if "Ebs" in mapping
    ]
    return sorted(attached, key=lambda pair: (pair[0] != root, pair[0]))


def target_devices(instance: dict[str, Any], disks: int) -> list[str]:
    """Device names on the target for that many disks: its own first, then /dev/sdf and on."""
    root = instance.get("RootDeviceName") or "/dev/xvda"
    own = [device for device, _ in old_volumes(instance) if device != root]
    free = [name for name in (f"/dev/sd{letter}" for letter in "fghijklmnopqrstuvwxyz") if name not in own]
    return [root, *own, *free][:disks]


def create_volumes(
    ec2: Any, instance: dict[str, Any], server: SourceServer, snapshots: list[str]
) -> list[NewVolume]:
    """One volume per disk from its snapshot, in the target's zone (EBS volumes are zonal)."""
    devices = target_devices(instance, len(server.disks))
    made = []
    for disk, device, snapshot in zip(server.disks, devices, snapshots, strict=True):
        volume = ec2.create_volume(
            AvailabilityZone=instance["Placement"]["AvailabilityZone"],
            SnapshotId=snapshot,
            Size=gib(disk.size),
            VolumeType="gp3",
            TagSpecifications=_tags("volume", f"{server.name} {device}"),
        )
        made.append(NewVolume(volume["VolumeId"], device, disk.size))
    return made


def detach_old(ec2: Any, instance: dict[str, Any], *, keep_extra: bool, disks: int) -> list[str]:
    """Detach the volumes of the target and return their ids; ``keep_extra`` keeps those beyond ``disks``."""
    attached = old_volumes(instance)
    going = attached[:disks] if keep_extra else attached
    for device, volume_id in going:
        ec2.detach_volume(VolumeId=volume_id, InstanceId=instance["InstanceId"], Device=device)
    return [volume_id for _, volume_id in going]


def attach_new(ec2: Any, instance_id: str, volumes: list[NewVolume]) -> None:
    """Attach the new root and data volumes. EC2 leaves DeleteOnTermination false on volumes attached so."""
    for volume in volumes:
        ec2.attach_volume(VolumeId=volume.volume_id, InstanceId=instance_id, Device=volume.device)


def run_new(
    ec2: Any, server: SourceServer, image: Image, instance_type: str, snapshots: list[str]
) -> dict[str, Any]:
    """A new instance, tagged as DRS's own, in the default subnet: DRS's launch template names none."""
    devices = target_devices({"RootDeviceName": image.root_device}, len(server.disks))
    tags = {"Name": server.name, **(server.tags if server.launch.get("copyTags") else {})}
    tag_list = [MANAGED_TAG, *({"Key": key, "Value": value} for key, value in tags.items())]
    arguments: dict[str, Any] = {
        "ImageId": image.image_id,
        "InstanceType": instance_type,
        "MinCount": 1,
        "MaxCount": 1,
        "BlockDeviceMappings": [
            {
                "DeviceName": device,
                "Ebs": {
                    "SnapshotId": snapshot,
                    "VolumeSize": gib(disk.size),
                    "VolumeType": "gp3",
                    "DeleteOnTermination": True,
                },
            }
            for disk, device, snapshot in zip(server.disks, devices, snapshots, strict=True)
        ],
        "TagSpecifications": [
            {"ResourceType": "instance", "Tags": tag_list},
            {"ResourceType": "volume", "Tags": tag_list},
        ],
    }
    if server.launch.get("copyPrivateIp") and server.private_ip:
        arguments["PrivateIpAddress"] = server.private_ip
    instance: dict[str, Any] = ec2.run_instances(**arguments)["Instances"][0]
    return instance


def delete_managed(ec2: Any, volumes: list[dict[str, Any]]) -> None:
    """Delete those of ``volumes`` that DRS made; its policies do not let it delete any other."""
    for volume in volumes:
        if any(tag["Key"] == MANAGED_TAG["Key"] for tag in volume.get("Tags", [])):
            ec2.delete_volume(VolumeId=volume["VolumeId"])
