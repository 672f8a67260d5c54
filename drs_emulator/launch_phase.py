"""The LAUNCH phase of one server in EC2: into an existing instance, or as a new one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drs_emulator import instances, swap
from drs_emulator.launch_phases import LaunchFailedError, Walk

_RECHECK_SECONDS = 5.0
_RECHECKS = 24

Launched = Callable[[dict[str, Any], list[swap.NewVolume]], None]
"""Called at the end of the phase with the instance and the volumes it was given."""


def instance_type(architecture: str) -> str:
    """The type that a plain launch takes: launch templates are not emulated."""
    return "m6g.large" if architecture == "arm64" else "c5.large"


class LaunchInto:
    """Create volumes, detach the old ones, attach the new ones, start: each at its share of the time."""

    def __init__(self, walk: Walk, target_id: str, snapshots: list[str], launched: Launched) -> None:
        self._walk, self._target_id, self._snapshots = walk, target_id, snapshots
        self._launched = launched
        self._instance: dict[str, Any] = {}
        self._volumes: list[swap.NewVolume] = []
        self._old: list[str] = []

    def begin(self) -> None:
        """Look at the target once more, as the caller, and create the volumes in its zone."""
        walk = self._walk
        walk.instance_id = self._target_id
        ec2 = walk.ec2()
        self._instance = self._checked(instances.describe(ec2, [self._target_id]).get(self._target_id))
        self._volumes = swap.create_volumes(ec2, self._instance, walk.server, self._snapshots)
        walk.then(0.3 * walk.times.launch, "LAUNCH", self._detach)

    def _checked(self, instance: dict[str, Any] | None) -> dict[str, Any]:
        if instance is None:
            raise LaunchFailedError(f"The instance ID '{self._target_id}' does not exist")
        if not instances.is_tagged(instance):
            raise LaunchFailedError(f"The instance {self._target_id} does not allow launching into it")
        state = instance["State"]["Name"]
        if state != "stopped":
            raise LaunchFailedError(f"The instance {self._target_id} is {state}, not stopped")
        server = self._walk.server
        different = instances.mismatches(self._walk.core.settings, server, instance)
        if different:
            raise LaunchFailedError(instances.mismatch_text(self._target_id, server.server_id, different))
        return instance

    def _detach(self) -> None:
        walk = self._walk
        self._old = swap.detach_old(
            walk.ec2(),
            self._instance,
            keep_extra=walk.core.guess("extra_data_volumes") == "KEEP",
            disks=len(walk.server.disks),
        )
        walk.then(0.2 * walk.times.launch, "LAUNCH", lambda: self._attach(_RECHECKS))

    def _attach(self, rechecks: int) -> None:
        """Attach once every volume is free; in EC2, creating and detaching take a moment."""
        walk, ec2 = self._walk, self._walk.ec2()
        ids = [*self._old, *(volume.volume_id for volume in self._volumes)]
        found = {item["VolumeId"]: item for item in ec2.describe_volumes(VolumeIds=ids)["Volumes"]}
        waiting = [item for item in ids if found[item]["State"] != "available"]
        if waiting and rechecks == 0:
            raise LaunchFailedError(f"Volumes did not become available: {', '.join(waiting)}")
        if waiting:
            walk.then(_RECHECK_SECONDS, "LAUNCH", lambda: self._attach(rechecks - 1))
            return
        swap.attach_new(ec2, self._target_id, self._volumes)
        if walk.core.guess("deletes_own_old_volumes"):
            swap.delete_managed(ec2, [found[volume_id] for volume_id in self._old])
        walk.then(0.2 * walk.times.launch, "LAUNCH", self._start)

    def _start(self) -> None:
        walk = self._walk
        if self._starts():
            walk.ec2().start_instances(InstanceIds=[self._target_id])
        walk.then(0.3 * walk.times.launch, "LAUNCH", lambda: self._launched(self._instance, self._volumes))

    def _starts(self) -> bool:
        walk = self._walk
        if walk.settings.get("launchDisposition", "STARTED") == "STARTED":
            return True
        with walk.core.lock:
            struck = walk.core.faults.strike("IGNORES_DISPOSITION", walk.core.now(), server=walk.server)
        return struck is not None or bool(walk.core.guess("ignores_disposition"))


class LaunchNew:
    """RunInstances with the caller's credentials; stopped again if the disposition says so."""

    def __init__(self, walk: Walk, snapshots: list[str], launched: Launched) -> None:
        self._walk, self._snapshots, self._launched = walk, snapshots, launched
        self._instance: dict[str, Any] = {}

    def begin(self) -> None:
        """Run the instance."""
        walk, server = self._walk, self._walk.server
        image = swap.Image.read(
            walk.core.ec2(walk.scope, None),
            walk.core.image_for(server.platform, server.architecture, server.boot_mode),
        )
        self._instance = swap.run_new(
            walk.ec2(), server, image, instance_type(server.architecture), self._snapshots
        )
        walk.instance_id = self._instance["InstanceId"]
        walk.then(0.9 * walk.times.launch, "LAUNCH", self._settle)

    def _settle(self) -> None:
        walk, ec2 = self._walk, self._walk.ec2()
        instance_id = self._instance["InstanceId"]
        instance = instances.describe(ec2, [instance_id]).get(instance_id)
        if instance is None or instance["State"]["Name"] in ("shutting-down", "terminated"):
            raise LaunchFailedError(f"The instance {instance_id} went away while it was launching")
        if walk.settings.get("launchDisposition") == "STOPPED":
            ec2.stop_instances(InstanceIds=[instance_id])
        volumes = [
            swap.NewVolume(volume_id, device, disk.size)
            for (device, volume_id), disk in zip(swap.old_volumes(instance), walk.server.disks, strict=False)
        ]
        walk.then(0.1 * walk.times.launch, "LAUNCH", lambda: self._launched(instance, volumes))
