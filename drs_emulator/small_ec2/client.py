"""The small EC2 stand-in as a boto3 client: the calls DRS makes, with EC2's states and refusals."""

from __future__ import annotations

from typing import Any

from drs_emulator.contract import Caller
from drs_emulator.small_ec2.inventory import Inventory
from drs_emulator.small_ec2.state import (
    Ec2Scope,
    Instance,
    InstanceSpec,
    Volume,
    client_error,
    platform_of,
    root_device,
)


class SmallEc2Client:
    """The part of the boto3 EC2 client that DRS uses. Arguments and answers are boto3's."""

    def __init__(self, inventory: Inventory, scope: Ec2Scope, caller: Caller | None) -> None:
        self._inventory, self._scope, self._caller = inventory, scope, caller
        self._lock = inventory.lock

    def _enter(self, action: str) -> None:
        key = self._caller.access_key_id if self._caller else None
        self._inventory.calls.append((key, f"ec2:{action}"))
        if self._caller is not None and f"ec2:{action}" in self._inventory.denied:
            raise client_error(
                "UnauthorizedOperation", "You are not authorized to perform this operation.", action, 403
            )

    def _instance(self, instance_id: str, action: str) -> Instance:
        instance = self._scope.instances.get(instance_id)
        if instance is None:
            raise client_error(
                "InvalidInstanceID.NotFound", f"The instance ID '{instance_id}' does not exist", action
            )
        if (instance_id, action) in self._inventory.broken:
            code = self._inventory.broken[instance_id, action]
            raise client_error(code, f"{action} failed for {instance_id}", action, 500)
        return instance

    def _volume(self, volume_id: str, action: str) -> Volume:
        volume = self._scope.volumes.get(volume_id)
        if volume is None:
            raise client_error("InvalidVolume.NotFound", f"The volume '{volume_id}' does not exist.", action)
        return volume

    # --- reading ---

    def describe_instances(
        self, InstanceIds: list[str] | None = None, Filters: list[dict[str, Any]] | None = None
    ) -> dict[str, Any]:
        """Instances by id or by the filter ``instance-id``, each in a reservation of its own."""
        with self._lock:
            self._enter("DescribeInstances")
            wanted = None
            for item in Filters or []:
                if item["Name"] != "instance-id":
                    raise client_error("InvalidParameterValue", item["Name"], "DescribeInstances")
                wanted = set(item["Values"])
            if InstanceIds:
                wanted = {self._instance(item, "DescribeInstances").instance_id for item in InstanceIds}
            found = [
                self._instance_view(item)
                for item in self._scope.instances.values()
                if wanted is None or item.instance_id in wanted
            ]
            return {"Reservations": [{"Instances": [item]} for item in found]}

    def _instance_view(self, item: Instance) -> dict[str, Any]:
        view: dict[str, Any] = {
            "InstanceId": item.instance_id,
            "State": {"Name": item.state},
            "LaunchTime": item.launch_time,
            "Placement": {"AvailabilityZone": item.zone, "Tenancy": "default"},
            "Architecture": item.architecture,
            "CurrentInstanceBootMode": item.boot_mode,
            "PrivateIpAddress": item.private_ip,
            "NetworkInterfaces": [{"MacAddress": item.mac_address, "PrivateIpAddress": item.private_ip}],
            "RootDeviceName": item.root_device,
            "RootDeviceType": "ebs",
            "VirtualizationType": "hvm",
            "Tags": [{"Key": key, "Value": value} for key, value in item.tags.items()],
            "BlockDeviceMappings": [
                {
                    "DeviceName": volume.device,
                    "Ebs": {
                        "VolumeId": volume.volume_id,
                        "DeleteOnTermination": volume.delete_on_termination,
                    },
                }
                for volume in self._scope.volumes.values()
                if volume.attached_to == item.instance_id
            ],
        }
        if item.platform == "windows":
            view["Platform"] = "windows"
        return view

    def describe_volumes(
        self, VolumeIds: list[str] | None = None, Filters: list[dict[str, Any]] | None = None
    ) -> dict[str, Any]:
        """Volumes by id; filters are ignored."""
        with self._lock:
            self._enter("DescribeVolumes")
            ids = list(self._scope.volumes) if VolumeIds is None else VolumeIds
            return {"Volumes": [self._volume_view(self._volume(item, "DescribeVolumes")) for item in ids]}

    def _volume_view(self, volume: Volume) -> dict[str, Any]:
        attachments = []
        if volume.attached_to:
            attachments = [{"InstanceId": volume.attached_to, "Device": volume.device, "State": "attached"}]
        return {
            "VolumeId": volume.volume_id,
            "State": "in-use" if volume.attached_to else "available",
            "Size": volume.gib,
            "AvailabilityZone": volume.zone,
            "SnapshotId": volume.snapshot_id or "",
            "Attachments": attachments,
            "Tags": [{"Key": key, "Value": value} for key, value in volume.tags.items()],
        }

    def describe_images(self, ImageIds: list[str]) -> dict[str, Any]:
        """Any image id exists, with the usual root device of its platform."""
        self._enter("DescribeImages")
        images = [{"ImageId": item, "RootDeviceName": root_device(platform_of(item))} for item in ImageIds]
        return {"Images": images}

    # --- volumes ---

    def create_volume(self, **arguments: Any) -> dict[str, Any]:
        """A volume of a size or from a snapshot."""
        with self._lock:
            self._enter("CreateVolume")
            snapshot = arguments.get("SnapshotId")
            if snapshot and snapshot not in self._scope.snapshots:
                raise client_error("InvalidSnapshot.NotFound", f"No snapshot '{snapshot}'", "CreateVolume")
            size = arguments.get("Size") or self._scope.snapshots[str(snapshot)]
            volume_id = self._inventory.new_id(self._scope, "vol")
            volume = Volume(volume_id, arguments["AvailabilityZone"], size, _tags(arguments))
            volume.snapshot_id = snapshot
            self._scope.volumes[volume_id] = volume
            return self._volume_view(volume)

    def delete_volume(self, VolumeId: str) -> dict[str, Any]:
        """Delete a volume that is not attached."""
        with self._lock:
            self._enter("DeleteVolume")
            if self._volume(VolumeId, "DeleteVolume").attached_to:
                raise client_error("VolumeInUse", f"Volume {VolumeId} is attached", "DeleteVolume")
            del self._scope.volumes[VolumeId]
            return {}

    def create_snapshot(self, **arguments: Any) -> dict[str, Any]:
        """A snapshot, completed at once."""
        with self._lock:
            self._enter("CreateSnapshot")
            volume = self._volume(arguments["VolumeId"], "CreateSnapshot")
            snapshot_id = self._inventory.new_id(self._scope, "snap")
            self._scope.snapshots[snapshot_id] = volume.gib
            return {"SnapshotId": snapshot_id, "State": "completed"}

    def attach_volume(self, VolumeId: str, InstanceId: str, Device: str) -> dict[str, Any]:
        """Attach a free volume in the same zone to a free device name."""
        with self._lock:
            self._enter("AttachVolume")
            volume, instance = (
                self._volume(VolumeId, "AttachVolume"),
                self._instance(InstanceId, "AttachVolume"),
            )
            if volume.attached_to:
                raise client_error("VolumeInUse", f"{VolumeId} is already attached", "AttachVolume")
            if volume.zone != instance.zone:
                raise client_error("InvalidVolume.ZoneMismatch", "Not in the same zone", "AttachVolume")
            taken = {item.device for item in self._scope.volumes.values() if item.attached_to == InstanceId}
            if Device in taken:
                raise client_error("InvalidParameterValue", f"{Device} is already in use", "AttachVolume")
            volume.attached_to, volume.device, volume.delete_on_termination = InstanceId, Device, False
            return {"State": "attaching"}

    def detach_volume(self, VolumeId: str, InstanceId: str, Device: str | None = None) -> dict[str, Any]:
        """Detach, at once or after ``detach_seconds``. The root comes off a stopped instance only."""
        with self._lock:
            self._enter("DetachVolume")
            volume = self._volume(VolumeId, "DetachVolume")
            instance = self._instance(InstanceId, "DetachVolume")
            if volume.attached_to != InstanceId:
                raise client_error(
                    "IncorrectState", f"{VolumeId} is not attached to {InstanceId}", "DetachVolume"
                )
            if volume.device == instance.root_device and instance.state != "stopped":
                raise client_error(
                    "OperationNotPermitted", f"Unable to detach root volume {VolumeId}", "DetachVolume"
                )
            if not self._inventory.detach_seconds:
                volume.attached_to = volume.device = None
                return {"State": "detached"}

            def detach() -> None:
                with self._lock:
                    volume.attached_to = volume.device = None

            self._inventory.clock.call_later(self._inventory.detach_seconds, detach)
            return {"State": "detaching"}

    # --- instances ---

    def run_instances(self, **arguments: Any) -> dict[str, Any]:
        """One new instance with its volumes from the block device mappings."""
        with self._lock:
            self._enter("RunInstances")
            mappings = arguments.get("BlockDeviceMappings", [])
            root = root_device(platform_of(arguments["ImageId"]))
            if mappings and mappings[0]["DeviceName"] != root:
                raise client_error("InvalidBlockDeviceMapping", f"The root is {root}", "RunInstances")
            instance_id = self._inventory.add_instance(
                self._scope.account,
                self._scope.region,
                InstanceSpec(
                    state="pending",
                    platform=platform_of(arguments["ImageId"]),
                    tags=_tags(arguments),
                    disks=tuple(mapping["Ebs"]["VolumeSize"] for mapping in mappings),
                ),
            )
            instance = self._scope.instances[instance_id]
            if arguments.get("PrivateIpAddress"):
                instance.private_ip = arguments["PrivateIpAddress"]
            for volume in self._scope.volumes.values():
                if volume.attached_to == instance_id:
                    volume.delete_on_termination = True
            self._later(self._inventory.boot_seconds, instance, "pending", "running")
            return {"Instances": [self._instance_view(instance)]}

    def start_instances(self, InstanceIds: list[str]) -> dict[str, Any]:
        """stopped → pending → running."""
        with self._lock:
            self._enter("StartInstances")
            for instance_id in InstanceIds:
                instance = self._instance(instance_id, "StartInstances")
                if instance.state not in ("stopped", "running", "pending"):
                    raise client_error(
                        "IncorrectInstanceState",
                        f"The instance '{instance_id}' is not in a state from which it can be started.",
                        "StartInstances",
                    )
                if instance.state == "stopped":
                    instance.state = "pending"
                    instance.launch_time = self._inventory.clock.now()
                    self._later(self._inventory.boot_seconds, instance, "pending", "running")
            return {}

    def stop_instances(self, InstanceIds: list[str]) -> dict[str, Any]:
        """running → stopping → stopped."""
        with self._lock:
            self._enter("StopInstances")
            for instance_id in InstanceIds:
                instance = self._instance(instance_id, "StopInstances")
                if instance.state in ("running", "pending"):
                    instance.state = "stopping"
                    self._later(self._inventory.stop_seconds, instance, "stopping", "stopped")
            return {}

    def terminate_instances(self, InstanceIds: list[str]) -> dict[str, Any]:
        """Terminate; termination protection refuses the call."""
        with self._lock:
            self._enter("TerminateInstances")
            for instance_id in InstanceIds:
                if self._instance(instance_id, "TerminateInstances").protected:
                    raise client_error(
                        "OperationNotPermitted",
                        f"The instance '{instance_id}' may not be terminated. Modify its "
                        "'disableApiTermination' instance attribute and try again.",
                        "TerminateInstances",
                    )
            for instance_id in InstanceIds:
                self._scope.instances[instance_id].state = "terminated"
                for volume in list(self._scope.volumes.values()):
                    if volume.attached_to == instance_id:
                        volume.attached_to = volume.device = None
                        if volume.delete_on_termination:
                            del self._scope.volumes[volume.volume_id]
            return {}

    def _later(self, seconds: float, instance: Instance, before: str, after: str) -> None:
        def change() -> None:
            with self._lock:
                if instance.state == before:
                    instance.state = after

        self._inventory.clock.call_later(seconds, change)


def _tags(arguments: dict[str, Any]) -> dict[str, str]:
    specifications = arguments.get("TagSpecifications", [])
    return {tag["Key"]: tag["Value"] for item in specifications[:1] for tag in item["Tags"]}
