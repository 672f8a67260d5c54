"""LAUNCH jobs: every server passes clean-up, snapshot, conversion and launch on the clock.

    JOB_START → [CLEANUP] → SNAPSHOT → (wait) → CONVERSION, unless FAST → LAUNCH → … → JOB_END

An extended server's snapshot and conversion are in a job of its staging account (``staging_jobs``).
Order and times follow published captures of real jobs. A job is PENDING, STARTED, then COMPLETED, also
when servers fail: each has its own launchStatus, and the rawError in the log has the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError

from drs_emulator.core import Core
from drs_emulator.ec2 import instances, launch_calls
from drs_emulator.jobs.instance_launch import LaunchInto, LaunchNew
from drs_emulator.jobs.job_end import end
from drs_emulator.jobs.phase_schedule import LaunchFailedError, PhaseSchedule
from drs_emulator.jobs.staging_jobs import StagingJobs
from drs_emulator.jobs.timings import job_start, staging_time
from drs_emulator.replication import events, points_in_time, reversal
from drs_emulator.state import Job, Participant, RecoveryInstance, Scope, SourceServer


class LaunchJob:
    """One running LAUNCH job."""

    def __init__(self, core: Core, scope: Scope, job: Job) -> None:
        self._core, self._scope, self._job = core, scope, job
        self._end_planned = False

    def begin(self) -> None:
        """Plan the start."""
        self._core.later(job_start(self._core.settings, self._core.seed, self._job.job_id), self._start)

    def _start(self) -> None:
        with self._core.lock:
            self._job.status = "STARTED"
            self._core.log(self._job, "JOB_START")
            servers = [self._scope.servers[part.server_id] for part in self._job.participants]
            staging = StagingJobs(self._core, servers, self._job.caller)
            launches = [
                ServerLaunch(self._core, self._scope, self._job, part, position, staging, self._server_done)
                for position, part in enumerate(self._job.participants)
            ]
        for launch in launches:
            launch.begin()

    def _server_done(self) -> None:
        """One server has ended; the last one ends the job two seconds later (observed 2 and 3)."""
        with self._core.lock:
            if not self._end_planned and all(part.is_final for part in self._job.participants):
                self._end_planned = True
                self._core.later(2.0, lambda: end(self._core, self._scope, self._job))


class ServerLaunch:
    """The launch of one server, from its place in the job to its recovery instance."""

    def __init__(
        self,
        core: Core,
        scope: Scope,
        job: Job,
        part: Participant,
        position: int,
        staging: StagingJobs,
        done: Callable[[], None],
    ) -> None:
        self._server: SourceServer = scope.servers[part.server_id]
        self._staging = staging

        def through() -> None:
            staging.close(self._server, succeeded=False)  # unless it was closed at the end of the conversion
            done()

        self._phases = PhaseSchedule(core, scope, job, self._server, part, through)
        self._core, self._scope, self._job, self._part = core, scope, job, part
        self._position = position
        self._snapshots: list[str] = []
        self._point_in_time = core.now()

    def begin(self) -> None:
        """Plan the first phase."""
        with self._core.lock:
            previous = self._previous_instances()
        if previous:
            self._phases.then(0.2, "CLEANUP", lambda: self._clean_up(previous))
        else:
            self._plan_snapshot()

    # --- clean-up of the previous recovery instance ---

    def _previous_instances(self) -> list[str]:
        """Instances of earlier launches to terminate: DRS does so even if their record was deleted."""
        previous = list(self._server.left_behind)
        record = self._scope.recovery_instances.get(self._server.recovery_instance_id or "")
        if record is not None and record.terminated_at is None:
            goes = not record.launched_into or (
                self._core.guess("cleanup_of_launched_into") == "TERMINATE"
                and record.instance_id != self._phases.target_id
            )
            if goes:
                previous.append(record.instance_id)
        return previous

    def _clean_up(self, previous: list[str]) -> None:
        self._phases.log("CLEANUP_START")
        self._phases.then(
            self._phases.times.cleanup,
            "CLEANUP",
            lambda: self._phases.finish("CLEANUP", lambda: self._end_clean_up(previous)),
        )

    def _end_clean_up(self, previous: list[str]) -> None:
        """A previous instance that cannot be terminated (termination protection) does not stop the launch."""
        try:
            self._phases.ec2().terminate_instances(InstanceIds=previous)
        except ClientError as error:
            self._phases.log("CLEANUP_FAIL", rawError=str(error))
        else:
            self._phases.log("CLEANUP_END")
        with self._core.lock:
            self._server.left_behind.clear()
            for instance_id in previous:
                self._scope.recovery_instances.pop(instance_id, None)
            if self._server.recovery_instance_id in previous:
                self._server.recovery_instance_id = None
        self._plan_snapshot()

    # --- snapshot and conversion ---

    def _plan_snapshot(self) -> None:
        start = self._start_snapshot if self._server.extends is None else self._start_staging
        self._phases.then(0.4 + 0.03 * self._position, "SNAPSHOT", start)

    def _start_snapshot(self) -> None:
        if self._part.snapshot_id:
            with self._core.lock:
                pinned = points_in_time.find(self._core, self._server, self._part.snapshot_id)
            if pinned is None:
                self._phases.log("USING_PREVIOUS_SNAPSHOT_FAILED")
                raise LaunchFailedError(f"The recovery snapshot {self._part.snapshot_id} no longer exists")
            self._point_in_time = pinned
            self._phases.log("USING_PREVIOUS_SNAPSHOT")
            end_snapshot = self._take_snapshots
        else:
            self._phases.log("SNAPSHOT_START")
            with self._core.lock:
                lag = self._core.replication_of(self._server)[1]
            self._point_in_time = self._core.now() - timedelta(seconds=lag)
            end_snapshot = self._end_snapshot
        self._phases.then(0.2, "SNAPSHOT", lambda: self._phases.finish("SNAPSHOT", end_snapshot))

    def _end_snapshot(self) -> None:
        self._phases.log("SNAPSHOT_END")
        self._take_snapshots()

    def _taken(self) -> list[str]:
        drs_ec2 = self._core.ec2(self._scope, None)
        zone = f"{self._scope.region}a"
        return [launch_calls.take_snapshot(drs_ec2, zone, self._server, disk) for disk in self._server.disks]

    def _take_snapshots(self) -> None:
        self._snapshots = self._taken()
        if self._phases.settings.get("recoveryMode") == "FAST":
            self._phases.then(self._phases.times.wait, "LAUNCH", self._start_launch)
        else:
            self._phases.then(self._phases.times.wait, "CONVERSION", self._start_conversion)

    def _start_conversion(self) -> None:
        self._phases.log("CONVERSION_START", conversionServerID=self._phases.conversion_server)
        self._phases.then(
            self._phases.times.conversion,
            "CONVERSION",
            lambda: self._phases.finish("CONVERSION", self._end_conversion),
        )

    def _end_conversion(self) -> None:
        self._phases.log("CONVERSION_END", conversionServerID=self._phases.conversion_server)
        self._phases.then(0.5, "LAUNCH", self._start_launch)

    # --- the same for an extended server, in its staging account ---

    def _start_staging(self) -> None:
        self._staging.log(self._server, "SNAPSHOT_START")
        with self._core.lock:
            pinned = self._part.snapshot_id
            found = points_in_time.find(self._core, self._server, pinned) if pinned else None
            lag = self._core.replication_of(self._server)[1]
        if pinned and found is None:
            raise LaunchFailedError(f"The recovery snapshot {pinned} no longer exists")
        self._point_in_time = found or self._core.now() - timedelta(seconds=lag)
        self._phases.then(0.2, "SNAPSHOT", lambda: self._phases.finish("SNAPSHOT", self._convert_in_staging))

    def _convert_in_staging(self) -> None:
        self._staging.log(self._server, "SNAPSHOT_END")
        self._staging.log(self._server, "CONVERSION_START")
        seconds = staging_time(self._core.settings, self._core.seed, self._job.job_id, self._server.server_id)
        self._phases.then(seconds, "CONVERSION", lambda: self._phases.finish("CONVERSION", self._end_staging))

    def _end_staging(self) -> None:
        self._staging.log(self._server, "CONVERSION_END")
        self._staging.close(self._server, succeeded=True)
        self._snapshots = self._taken()
        self._phases.then(0.5, "LAUNCH", self._start_launch)

    # --- launch ---

    def _start_launch(self) -> None:
        self._phases.log("LAUNCH_START")
        with self._core.lock:
            self._part.launch_status = "IN_PROGRESS"
            if self._server.last_launch:
                self._server.last_launch.status = "IN_PROGRESS"
        self._phases.finish("LAUNCH", self._launch)

    def _launch(self) -> None:
        self._authorize()
        self._phases.read_settings_again()
        target_id = self._phases.target_id
        if target_id is None:
            LaunchNew(self._phases, self._snapshots, self._launched).begin()
        else:
            LaunchInto(self._phases, target_id, self._snapshots, self._launched).begin()

    def _authorize(self) -> None:
        """drs:CreateRecoveryInstanceForDrs is permission-only: DRS asks for it as the job's caller."""
        caller, action, arn = self._job.caller, "drs:CreateRecoveryInstanceForDrs", self._server.arn
        if not self._core.hooks.authorize(caller, action, arn):
            who = caller.arn or caller.access_key_id
            raise LaunchFailedError(
                f"AccessDeniedException: User: {who} is not authorized to perform: {action} "
                f"on resource: {arn}"
            )

    def _launched(self, instance: dict[str, Any], volumes: list[launch_calls.NewVolume]) -> None:
        instance_id = instance["InstanceId"]
        with self._core.lock:
            records = self._scope.recovery_instances
            for record in list(records.values()):
                if record.server_id == self._server.server_id and record.terminated_at is None:
                    del records[record.instance_id]
            records[instance_id] = RecoveryInstance(
                instance_id=instance_id,
                arn=self._scope.arn("recovery-instance", instance_id),
                server_id=self._server.server_id,
                job_id=self._job.job_id,
                is_drill=self._job.is_drill,
                launched_into=self._phases.target_id is not None,
                created_at=self._core.now(),
                point_in_time=self._point_in_time,
                private_ip=instance.get("PrivateIpAddress"),
                mac_address=instances.mac_address(instance),
                volumes=[(item.device, item.size, item.volume_id) for item in volumes],
                tags=dict(self._job.tags),
            )
            self._server.recovery_instance_id = instance_id
            self._server.last_success_at = self._core.now()
            reversal.after_launch(self._core, instance_id)
            events.send_soon(self._core, self._server)
            self._part.recovery_instance_id = instance_id
            self._phases.log("LAUNCH_END", targetInstanceID=instance_id)
        self._phases.close("LAUNCHED")
