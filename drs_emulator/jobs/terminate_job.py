"""TERMINATE jobs: the EC2 instances are really terminated, launched-into ones too.

The API reference has it ("terminates the EC2 resources"), and it makes mistakes visible. EC2
termination protection and a caller without ec2:TerminateInstances prevent it, server by server.
"""

from __future__ import annotations

from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from drs_emulator.core import Core
from drs_emulator.jobs.job_end import end
from drs_emulator.jobs.timings import job_start, terminate_time
from drs_emulator.state import Job, Participant, Scope


class TerminateJob:
    """One running TERMINATE job."""

    def __init__(self, core: Core, scope: Scope, job: Job) -> None:
        self.core, self.scope, self.job = core, scope, job

    def begin(self) -> None:
        """Plan the start."""
        self.core.later(job_start(self.core.settings, self.core.seed, self.job.job_id), self._start)

    def _start(self) -> None:
        with self.core.lock:
            self.job.status = "STARTED"
            self.core.log(self.job, "JOB_START")
        for part in self.job.participants:
            self.core.log(self.job, "CLEANUP_START", sourceServerID=part.server_id)
            seconds = terminate_time(
                self.core.settings, self.core.seed, self.job.job_id, str(part.recovery_instance_id)
            )
            self.core.later(seconds, self._step(part))

    def _step(self, part: Participant) -> Callable[[], None]:
        return lambda: self.core.hooks.run_aside(lambda: self._terminate(part))

    def _terminate(self, part: Participant) -> None:
        ec2 = self.core.ec2(self.scope, self.job.caller)
        try:
            ec2.terminate_instances(InstanceIds=[part.recovery_instance_id])
        except (ClientError, BotoCoreError) as error:
            self.core.log(self.job, "CLEANUP_FAIL", sourceServerID=part.server_id, rawError=str(error))
            self._close(part, "FAILED")
            return
        self.core.log(self.job, "CLEANUP_END", sourceServerID=part.server_id)
        self._close(part, "TERMINATED")

    def _close(self, part: Participant, status: str) -> None:
        with self.core.lock:
            part.launch_status = status
            record = self.scope.recovery_instances.get(str(part.recovery_instance_id))
            server = self.scope.servers.get(part.server_id)
            if status == "TERMINATED":
                if record is not None:
                    record.terminated_at = self.core.now()
                if server is not None and server.recovery_instance_id == part.recovery_instance_id:
                    server.recovery_instance_id = None
                    if server.last_launch:
                        server.last_launch.status = "TERMINATED"
            if all(item.is_final for item in self.job.participants):
                self.core.later(2.0, lambda: end(self.core, self.scope, self.job))
