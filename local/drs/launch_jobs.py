"""LAUNCH jobs: every server walks through clean-up, snapshot, conversion and launch on the clock.

    JOB_START → [CLEANUP] → SNAPSHOT → (wait) → CONVERSION, unless FAST → LAUNCH → … → JOB_END

Order and times follow published captures of real jobs. A job is PENDING, STARTED, then COMPLETED, whatever
became of its servers: each has its own launchStatus, and the reason of a failure is the rawError in the log.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.drs import instances, snapshots, swap
from local.drs.core import Core
from local.drs.errors import AccessDeniedError
from local.drs.state import Job, Participant, RecoveryInstance, Scope, SourceServer, hashed_id
from local.drs.timings import PhaseTimes, job_start, phase_times

_FAILED_EVENT = {
    "CLEANUP": "CLEANUP_FAIL",
    "SNAPSHOT": "SNAPSHOT_FAIL",
    "CONVERSION": "CONVERSION_FAIL",
    "LAUNCH": "LAUNCH_FAILED",
}
_FAILED_TEXT = {
    "CLEANUP": "Failed to clean up the previous recovery instance",
    "SNAPSHOT": "Failed to take snapshot",
    "CONVERSION": "Conversion failed",
    "LAUNCH": "Failed to launch the recovery instance",
}
_SWAP_RECHECK_SECONDS = 5.0
_SWAP_RECHECKS = 24


class LaunchFailedError(Exception):
    """A server's launch failed; the text becomes rawError."""


class LaunchJob:
    """One LAUNCH job on its way."""

    def __init__(self, core: Core, scope: Scope, job: Job) -> None:
        self.core, self.scope, self.job = core, scope, job
        self.started_at = job.created_at
        self._ending = False

    def begin(self) -> None:
        """Plan the start."""
        self.core.later(job_start(self.core.settings, self.core.seed, self.job.job_id), self._start)

    def _start(self) -> None:
        with self.core.lock:
            self.job.status = "STARTED"
            self.core.log(self.job, "JOB_START")
            self.started_at = self.core.now()
            launches = [
                ServerLaunch(self, self.scope.servers[part.server_id], part, position)
                for position, part in enumerate(self.job.participants)
            ]
        for launch in launches:
            launch.begin()

    def server_done(self) -> None:
        """One more server is through; the last one ends the job two seconds later (observed 2 and 3)."""
        with self.core.lock:
            if not self._ending and all(part.is_final for part in self.job.participants):
                self._ending = True
                self.core.later(2.0, self._end)

    def _end(self) -> None:
        with self.core.lock:
            self.core.log(self.job, "JOB_END")
            self.job.status = "COMPLETED"
            self.job.ended_at = self.core.now()
            release(self.core, self.scope, self.job)


def release(core: Core, scope: Scope, job: Job) -> None:
    """Keep the servers of an ended job busy for as long as the settings say; the lock being held."""
    seconds = core.settings.busy_after_job_seconds
    for part in job.participants:
        server = scope.servers.get(part.server_id)
        if server is not None and seconds:
            server.busy_until = core.now() + timedelta(seconds=seconds)


class ServerLaunch:
    """One server in a LAUNCH job. Each step plans the next at a time fixed in advance."""

    def __init__(self, launch_job: LaunchJob, server: SourceServer, part: Participant, position: int) -> None:
        self.launch_job, self.server, self.part, self.position = launch_job, server, part, position
        self.core, self.scope, self.job = launch_job.core, launch_job.scope, launch_job.job
        self.times: PhaseTimes = phase_times(
            self.core.settings, self.core.seed, self.job.job_id, server, len(self.job.participants)
        )
        self.at: datetime = launch_job.started_at
        self.phase = "SNAPSHOT"
        self.snapshots: list[str] = []
        self.volumes: list[swap.NewVolume] = []
        self.old_volume_ids: list[str] = []
        self.instance: dict[str, Any] = {}
        self.point_in_time: datetime = launch_job.started_at
        self.target_id = server.target_id
        self.settings = dict(server.launch)  # later updates are for the next launch

    # --- walking ---

    def begin(self) -> None:
        """Plan the first phase."""
        with self.core.lock:
            previous = self._previous_instances()
        if previous:
            self._then(0.2, "CLEANUP", lambda: self._clean_up(previous))
        else:
            self._then(0.4 + 0.03 * self.position, "SNAPSHOT", self._start_snapshot)

    def _then(self, seconds: float, phase: str, step: Callable[[], None]) -> None:
        """Take ``step`` at the planned time of the previous one plus ``seconds``."""
        self.at = self.at + timedelta(seconds=seconds)
        delay = (self.at - self.core.now()).total_seconds()

        def take() -> None:
            self.core.run_aside(lambda: self._take(phase, step))

        self.core.later(max(0.0, delay), take)

    def _take(self, phase: str, step: Callable[[], None]) -> None:
        self.phase = phase
        try:
            step()
        except (ClientError, BotoCoreError, LaunchFailedError) as error:
            self._fail(str(error))

    def _finish_phase(self, phase: str, step: Callable[[], None]) -> None:
        """Take the step that ends ``phase``, unless a fault makes it hang or fail."""
        with self.core.lock:
            stuck = self.core.faults.strike("JOB_STUCK", self.core.now(), server=self.server, phase=phase)
            if stuck:
                seconds = stuck.values.get("seconds")
                if seconds is None:
                    stuck.parked.append(lambda: self._resume(phase, step))
                    return
                self.core.later(seconds, lambda: self._resume(phase, step))
                return
        self._complete_phase(phase, step)

    def _resume(self, phase: str, step: Callable[[], None]) -> None:
        self.at = max(self.at, self.core.now())
        self.core.run_aside(lambda: self._take(phase, lambda: self._complete_phase(phase, step)))

    def _complete_phase(self, phase: str, step: Callable[[], None]) -> None:
        with self.core.lock:
            fault = self.core.faults.strike("PHASE_FAILS", self.core.now(), server=self.server, phase=phase)
        if fault:
            raise LaunchFailedError(fault.values.get("message", _FAILED_TEXT[phase]))
        step()

    def _log(self, event: str, **data: Any) -> None:
        self.core.log(self.job, event, sourceServerID=self.server.server_id, **data)

    # --- clean-up of the previous recovery instance ---

    def _previous_instances(self) -> list[str]:
        """Instances of earlier launches to terminate: DRS does so even if their record was deleted."""
        previous = list(self.server.left_behind)
        record = self.scope.recovery_instances.get(self.server.recovery_instance_id or "")
        if record is not None and record.terminated_at is None:
            goes = not record.launched_into or (
                self.core.guess("cleanup_of_launched_into") == "TERMINATE"
                and record.instance_id != self.target_id
            )
            if goes:
                previous.append(record.instance_id)
        return previous

    def _clean_up(self, previous: list[str]) -> None:
        self._log("CLEANUP_START")
        self._then(
            self.times.cleanup,
            "CLEANUP",
            lambda: self._finish_phase("CLEANUP", lambda: self._cleaned_up(previous)),
        )

    def _cleaned_up(self, previous: list[str]) -> None:
        """A previous instance that cannot be terminated (termination protection) does not stop the launch."""
        ec2 = self.core.ec2(self.scope, self.job.caller)
        try:
            ec2.terminate_instances(InstanceIds=previous)
        except ClientError as error:
            self._log("CLEANUP_FAIL", rawError=str(error))
        else:
            self._log("CLEANUP_END")
        with self.core.lock:
            self.server.left_behind.clear()
            for instance_id in previous:
                self.scope.recovery_instances.pop(instance_id, None)
            if self.server.recovery_instance_id in previous:
                self.server.recovery_instance_id = None
        self._then(0.4 + 0.03 * self.position, "SNAPSHOT", self._start_snapshot)

    # --- snapshot and conversion ---

    def _start_snapshot(self) -> None:
        if self.part.snapshot_id:
            with self.core.lock:
                pinned = snapshots.find(self.core, self.server, self.part.snapshot_id)
            if pinned is None:
                self._log("USING_PREVIOUS_SNAPSHOT_FAILED")
                raise LaunchFailedError(f"The recovery snapshot {self.part.snapshot_id} no longer exists")
            self.point_in_time = pinned
            self._log("USING_PREVIOUS_SNAPSHOT")
            self._then(0.2, "SNAPSHOT", lambda: self._finish_phase("SNAPSHOT", self._snapshot_taken))
            return
        self._log("SNAPSHOT_START")
        with self.core.lock:
            _, lag, _ = self.core.replication_of(self.server)
        self.point_in_time = self.core.now() - timedelta(seconds=lag)
        self._then(
            0.2,
            "SNAPSHOT",
            lambda: self._finish_phase("SNAPSHOT", self._end_snapshot),
        )

    def _end_snapshot(self) -> None:
        self._log("SNAPSHOT_END")
        self._snapshot_taken()

    def _snapshot_taken(self) -> None:
        drs_ec2 = self.core.ec2(self.scope, None)
        zone = f"{self.scope.region}a"
        self.snapshots = [swap.take_snapshot(drs_ec2, zone, self.server, disk) for disk in self.server.disks]
        if self.settings.get("recoveryMode") == "FAST":
            self._then(self.times.wait, "LAUNCH", self._start_launch)
        else:
            self._then(self.times.wait, "CONVERSION", self._start_conversion)

    def _conversion_server(self) -> str:
        return hashed_id("i", self.job.job_id, self.server.server_id, "conversion")

    def _start_conversion(self) -> None:
        self._log("CONVERSION_START", conversionServerID=self._conversion_server())
        self._then(
            self.times.conversion,
            "CONVERSION",
            lambda: self._finish_phase("CONVERSION", self._converted),
        )

    def _converted(self) -> None:
        self._log("CONVERSION_END", conversionServerID=self._conversion_server())
        self._then(0.5, "LAUNCH", self._start_launch)

    # --- launch ---

    def _start_launch(self) -> None:
        self._log("LAUNCH_START")
        with self.core.lock:
            self.part.launch_status = "IN_PROGRESS"
            if self.server.last_launch:
                self.server.last_launch.status = "IN_PROGRESS"
        self._finish_phase("LAUNCH", self._launch)

    def _launch(self) -> None:
        self._authorize()
        if self.target_id is None:
            self._run_new()
        else:
            self._check_target()
            ec2 = self.core.ec2(self.scope, self.job.caller)
            self.volumes = swap.create_volumes(ec2, self.instance, self.server, self.snapshots)
            self._then(0.3 * self.times.launch, "LAUNCH", self._detach)

    def _authorize(self) -> None:
        """drs:CreateRecoveryInstanceForDrs is permission-only: DRS asks for it as the job's caller."""
        action = "drs:CreateRecoveryInstanceForDrs"
        if not self.core.authorize(self.job.caller, action, self.server.arn):
            who = self.job.caller.arn or self.job.caller.access_key_id
            denied = AccessDeniedError(
                f"User: {who} is not authorized to perform: {action} on resource: {self.server.arn}"
            )
            raise LaunchFailedError(f"AccessDeniedException: {denied}")

    def _check_target(self) -> None:
        target_id = str(self.target_id)
        instance = instances.describe(self.core.ec2(self.scope, self.job.caller), [target_id]).get(target_id)
        if instance is None:
            raise LaunchFailedError(f"The instance ID '{target_id}' does not exist")
        if not instances.is_tagged(instance):
            raise LaunchFailedError(f"The instance {target_id} does not allow launching into it")
        if instance["State"]["Name"] != "stopped":
            raise LaunchFailedError(f"The instance {target_id} is {instance['State']['Name']}, not stopped")
        different = instances.mismatches(self.core.settings, self.server, instance)
        if different:
            raise LaunchFailedError(instances.mismatch_text(target_id, self.server.server_id, different))
        self.instance = instance

    def _detach(self) -> None:
        ec2 = self.core.ec2(self.scope, self.job.caller)
        keep = self.core.guess("extra_data_volumes") == "KEEP"
        self.old_volume_ids = swap.detach_old(
            ec2, self.instance, keep_extra=keep, disks=len(self.server.disks)
        )
        self._then(0.2 * self.times.launch, "LAUNCH", lambda: self._attach(_SWAP_RECHECKS))

    def _attach(self, rechecks: int) -> None:
        """Attach once every volume is free; in EC2, detaching and creating take a moment."""
        ec2 = self.core.ec2(self.scope, self.job.caller)
        ids = [*self.old_volume_ids, *(volume.volume_id for volume in self.volumes)]
        states = {item["VolumeId"]: item["State"] for item in ec2.describe_volumes(VolumeIds=ids)["Volumes"]}
        waiting = [volume_id for volume_id in ids if states.get(volume_id) != "available"]
        if waiting:
            if rechecks == 0:
                raise LaunchFailedError(f"Volumes did not become available: {', '.join(waiting)}")
            self._then(_SWAP_RECHECK_SECONDS, "LAUNCH", lambda: self._attach(rechecks - 1))
            return
        swap.attach_new(ec2, str(self.target_id), self.volumes)
        self._delete_own_old_volumes(ec2)
        self._then(0.2 * self.times.launch, "LAUNCH", self._start_target)

    def _delete_own_old_volumes(self, ec2: Any) -> None:
        if not self.core.guess("deletes_own_old_volumes"):
            return
        found = ec2.describe_volumes(VolumeIds=self.old_volume_ids)["Volumes"] if self.old_volume_ids else []
        for volume in found:
            if any(tag["Key"] == instances.MANAGED_TAG["Key"] for tag in volume.get("Tags", [])):
                ec2.delete_volume(VolumeId=volume["VolumeId"])

    def _start_target(self) -> None:
        if self._starts():
            self.core.ec2(self.scope, self.job.caller).start_instances(InstanceIds=[self.target_id])
        self._then(0.3 * self.times.launch, "LAUNCH", self._launched)

    def _starts(self) -> bool:
        if self.settings.get("launchDisposition", "STARTED") == "STARTED":
            return True
        with self.core.lock:
            struck = self.core.faults.strike("IGNORES_DISPOSITION", self.core.now(), server=self.server)
        return struck is not None or bool(self.core.guess("ignores_disposition"))

    def _run_new(self) -> None:
        server = self.server
        image = self.core.image_for(server.platform, server.architecture, server.boot_mode)
        instance_type = "m6g.large" if server.architecture == "arm64" else "c5.large"
        ec2 = self.core.ec2(self.scope, self.job.caller)
        self.instance = swap.run_new(ec2, server, image, instance_type, self.snapshots)
        self._then(0.9 * self.times.launch, "LAUNCH", self._settle_new)

    def _settle_new(self) -> None:
        instance_id = self.instance["InstanceId"]
        ec2 = self.core.ec2(self.scope, self.job.caller)
        self.instance = instances.describe(ec2, [instance_id]).get(instance_id, self.instance)
        attached = swap.old_volumes(self.instance)
        self.volumes = [
            swap.NewVolume(volume_id, device, disk.size)
            for (device, volume_id), disk in zip(attached, self.server.disks, strict=False)
        ]
        if self.settings.get("launchDisposition") == "STOPPED":
            ec2.stop_instances(InstanceIds=[instance_id])
        self._then(0.1 * self.times.launch, "LAUNCH", self._launched)

    # --- the end of it ---

    def _launched(self) -> None:
        instance_id = self.instance["InstanceId"]
        with self.core.lock:
            now = self.core.now()
            for record in list(self.scope.recovery_instances.values()):
                if record.server_id == self.server.server_id and record.terminated_at is None:
                    del self.scope.recovery_instances[record.instance_id]
            self.scope.recovery_instances[instance_id] = RecoveryInstance(
                instance_id=instance_id,
                arn=self.scope.arn("recovery-instance", instance_id),
                server_id=self.server.server_id,
                job_id=self.job.job_id,
                is_drill=self.job.is_drill,
                launched_into=self.target_id is not None,
                created_at=now,
                point_in_time=self.point_in_time,
                private_ip=self.instance.get("PrivateIpAddress"),
                volumes=[(item.device, item.size, item.volume_id) for item in self.volumes],
                tags=dict(self.job.tags),
            )
            self.server.recovery_instance_id = instance_id
            self.part.recovery_instance_id = instance_id
            self._log("LAUNCH_END", targetInstanceID=instance_id)
        self._close("LAUNCHED")

    def _fail(self, raw_error: str) -> None:
        target = self.instance.get("InstanceId") if self.phase == "LAUNCH" else None
        conversion = self._conversion_server() if self.phase == "CONVERSION" else None
        self._log(
            _FAILED_EVENT[self.phase],
            rawError=raw_error,
            targetInstanceID=target,
            conversionServerID=conversion,
        )
        self._close("FAILED")

    def _close(self, status: str) -> None:
        with self.core.lock:
            self.part.launch_status = status
            self.server.last_launch_result = "SUCCEEDED" if status == "LAUNCHED" else "FAILED"
            if self.server.last_launch:
                self.server.last_launch.status = status
        outcome = "SUCCEEDED" if status == "LAUNCHED" else "FAILED"
        self.core.emit(
            self.scope,
            "DRS Source Server Launch Result",
            self.server.arn,
            {
                "state": f"RECOVERY_LAUNCH_{outcome}",
                "job-id": self.job.job_id,
                "is-drill": "TRUE" if self.job.is_drill else "FALSE",
            },
        )
        self.launch_job.server_done()
