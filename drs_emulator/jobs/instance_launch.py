"""The LAUNCH phase of one server in EC2: into an existing instance, or as a new one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drs_emulator.ec2 import instances, launch_calls
from drs_emulator.jobs.phase_schedule import LaunchFailedError, PhaseSchedule

_RECHECK_SECONDS = 5.0
_RECHECKS = 24

Launched = Callable[[dict[str, Any], list[launch_calls.NewVolume]], None]
"""Called at the end of the phase with the instance and its new volumes."""


def instance_type(architecture: str) -> str:
    """The type that a plain launch takes: launch templates are not emulated."""
    return "m6g.large" if architecture == "arm64" else "c5.large"


class LaunchInto:
    """Create volumes, detach the old ones, attach the new ones, start: each at its share of the time."""

    def __init__(
        self, phases: PhaseSchedule, target_id: str, snapshots: list[str], launched: Launched
    ) -> None:
        self._phases, self._target_id, self._snapshots = phases, target_id, snapshots
        self._launched = launched
        self._instance: dict[str, Any] = {}
        self._volumes: list[launch_calls.NewVolume] = []
        self._old: list[str] = []

    def begin(self) -> None:
        """Check the target again, as the caller, and create the volumes in its zone."""
        phases = self._phases
        phases.instance_id = self._target_id
        ec2 = phases.ec2()
        self._instance = self._checked(instances.describe(ec2, [self._target_id]).get(self._target_id))
        self._volumes = launch_calls.create_volumes(ec2, self._instance, phases.server, self._snapshots)
        phases.then(0.3 * phases.times.launch, "LAUNCH", self._detach)

    def _checked(self, instance: dict[str, Any] | None) -> dict[str, Any]:
        if instance is None:
            raise LaunchFailedError(f"The instance ID '{self._target_id}' does not exist")
        if not instances.is_tagged(instance):
            raise LaunchFailedError(f"The instance {self._target_id} does not allow launching into it")
        state = instance["State"]["Name"]
        if state != "stopped":
            raise LaunchFailedError(f"The instance {self._target_id} is {state}, not stopped")
        server = self._phases.server
        different = instances.mismatches(self._phases.core.settings, server, instance)
        if different:
            raise LaunchFailedError(instances.mismatch_text(self._target_id, server.server_id, different))
        return instance

    def _detach(self) -> None:
        phases = self._phases
        self._old = launch_calls.detach_old(
            phases.ec2(),
            self._instance,
            keep_extra=phases.core.guess("extra_data_volumes") == "KEEP",
            disks=len(phases.server.disks),
        )
        phases.then(0.2 * phases.times.launch, "LAUNCH", lambda: self._attach(_RECHECKS))

    def _attach(self, rechecks: int) -> None:
        """Attach once every volume is free; in EC2, creating and detaching take a moment."""
        phases, ec2 = self._phases, self._phases.ec2()
        ids = [*self._old, *(volume.volume_id for volume in self._volumes)]
        found = {item["VolumeId"]: item for item in ec2.describe_volumes(VolumeIds=ids)["Volumes"]}
        waiting = [item for item in ids if found[item]["State"] != "available"]
        if waiting and rechecks == 0:
            raise LaunchFailedError(f"Volumes did not become available: {', '.join(waiting)}")
        if waiting:
            phases.then(_RECHECK_SECONDS, "LAUNCH", lambda: self._attach(rechecks - 1))
            return
        launch_calls.attach_new(ec2, self._target_id, self._volumes)
        if phases.core.guess("deletes_own_old_volumes"):
            launch_calls.delete_managed(ec2, [found[volume_id] for volume_id in self._old])
        phases.then(0.2 * phases.times.launch, "LAUNCH", self._start)

    def _start(self) -> None:
        phases = self._phases
        if self._starts():
            phases.ec2().start_instances(InstanceIds=[self._target_id])
        phases.then(
            0.3 * phases.times.launch, "LAUNCH", lambda: self._launched(self._instance, self._volumes)
        )

    def _starts(self) -> bool:
        phases = self._phases
        if phases.settings.get("launchDisposition", "STARTED") == "STARTED":
            return True
        with phases.core.lock:
            struck = phases.core.faults.strike("IGNORES_DISPOSITION", phases.core.now(), server=phases.server)
        return struck is not None or bool(phases.core.guess("ignores_disposition"))


class LaunchNew:
    """RunInstances with the caller's credentials; stopped again if the disposition is STOPPED."""

    def __init__(self, phases: PhaseSchedule, snapshots: list[str], launched: Launched) -> None:
        self._phases, self._snapshots, self._launched = phases, snapshots, launched
        self._instance: dict[str, Any] = {}

    def begin(self) -> None:
        """Run the instance."""
        phases, server = self._phases, self._phases.server
        image = launch_calls.Image.read(
            phases.core.ec2(phases.scope, None),
            phases.core.hooks.image_for(server.platform, server.architecture, server.boot_mode),
        )
        self._instance = launch_calls.run_new(
            phases.ec2(), server, image, instance_type(server.architecture), self._snapshots
        )
        phases.instance_id = self._instance["InstanceId"]
        phases.then(0.9 * phases.times.launch, "LAUNCH", self._settle)

    def _settle(self) -> None:
        phases, ec2 = self._phases, self._phases.ec2()
        instance_id = self._instance["InstanceId"]
        instance = instances.describe(ec2, [instance_id]).get(instance_id)
        if instance is None or instance["State"]["Name"] in ("shutting-down", "terminated"):
            raise LaunchFailedError(f"The instance {instance_id} was terminated during the launch")
        if phases.settings.get("launchDisposition") == "STOPPED":
            ec2.stop_instances(InstanceIds=[instance_id])
        volumes = [
            launch_calls.NewVolume(volume_id, device, disk.size)
            for (device, volume_id), disk in zip(
                launch_calls.old_volumes(instance), phases.server.disks, strict=False
            )
        ]
        phases.then(0.1 * phases.times.launch, "LAUNCH", lambda: self._launched(instance, volumes))
