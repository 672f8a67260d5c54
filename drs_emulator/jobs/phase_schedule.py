"""The phases of one server in a LAUNCH job: planned times, hangs, failures, the end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from drs_emulator.core import Core
from drs_emulator.jobs.timings import phase_times
from drs_emulator.state import Job, Participant, Scope, SourceServer, hashed_id

_FAILED = {
    "CLEANUP": ("CLEANUP_FAIL", "Failed to clean up the previous recovery instance"),
    "SNAPSHOT": ("SNAPSHOT_FAIL", "Failed to take snapshot"),
    "CONVERSION": ("CONVERSION_FAIL", "Conversion failed"),
    "LAUNCH": ("LAUNCH_FAILED", "Failed to launch the recovery instance"),
}
"""Event and text of a phase that fails (DRS user guide, launch-conversion-errors, for the middle two)."""


class LaunchFailedError(Exception):
    """A server's launch failed; the text becomes rawError."""


class PhaseSchedule:
    """One server in a LAUNCH job. Each step plans the next at a time fixed in advance.

    Slow EC2 work thus does not add up, and simulated durations stay as sampled.
    """

    def __init__(
        self,
        core: Core,
        scope: Scope,
        job: Job,
        server: SourceServer,
        part: Participant,
        done: Callable[[], None],
    ) -> None:
        self.core, self.scope, self.job, self.server, self.part = core, scope, job, server, part
        self.times = phase_times(core.settings, core.seed, job.job_id, server, len(job.participants))
        self.target_id = server.target_id
        self.settings = dict(server.launch)
        self.instance_id: str | None = None
        self._done = done
        self._at: datetime = core.now()
        self._phase = "SNAPSHOT"

    def read_settings_again(self) -> None:
        """Take up what was changed since the job began, if DRS does."""
        changed = (self.server.target_id, self.server.launch) != (self.target_id, self.settings)
        if changed and self.core.guess("settings_read_at") == "LAUNCH":
            self.target_id, self.settings = self.server.target_id, dict(self.server.launch)

    @property
    def conversion_server(self) -> str:
        """The id of the conversion server; in real captures each server had its own."""
        return hashed_id("i", self.job.job_id, self.server.server_id, "conversion")

    def ec2(self) -> Any:
        """EC2 with the credentials of the job's caller."""
        return self.core.ec2(self.scope, self.job.caller)

    def log(self, event: str, **data: Any) -> None:
        """Append an event about this server to the job's log."""
        self.core.log(self.job, event, sourceServerID=self.server.server_id, **data)

    def then(self, seconds: float, phase: str, step: Callable[[], None]) -> None:
        """Run ``step`` at the planned time of the previous one plus ``seconds``."""
        self._at += timedelta(seconds=seconds)
        delay = (self._at - self.core.now()).total_seconds()
        self.core.later(max(0.0, delay), lambda: self.core.hooks.run_aside(lambda: self._take(phase, step)))

    def _take(self, phase: str, step: Callable[[], None]) -> None:
        self._phase = phase
        try:
            step()
        except (ClientError, BotoCoreError, LaunchFailedError) as error:
            self._fail(str(error))

    def finish(self, phase: str, step: Callable[[], None]) -> None:
        """Run the step that ends ``phase``, unless a fault makes it hang or fail first."""
        with self.core.lock:
            stuck = self.core.faults.strike("JOB_STUCK", self.core.now(), server=self.server, phase=phase)
            if stuck and "seconds" not in stuck.values:
                stuck.parked.append(lambda: self._resume(phase, step))
        if stuck is None:
            self._complete(phase, step)
        elif "seconds" in stuck.values:
            self.core.later(stuck.values["seconds"], lambda: self._resume(phase, step))

    def _resume(self, phase: str, step: Callable[[], None]) -> None:
        self._at = self.core.now()
        self.core.hooks.run_aside(lambda: self._take(phase, lambda: self._complete(phase, step)))

    def _complete(self, phase: str, step: Callable[[], None]) -> None:
        with self.core.lock:
            fault = self.core.faults.strike("PHASE_FAILS", self.core.now(), server=self.server, phase=phase)
        if fault:
            raise LaunchFailedError(fault.values.get("message", _FAILED[phase][1]))
        step()

    def _fail(self, raw_error: str) -> None:
        self.log(
            _FAILED[self._phase][0],
            rawError=raw_error,
            targetInstanceID=self.instance_id if self._phase == "LAUNCH" else None,
            conversionServerID=self.conversion_server if self._phase == "CONVERSION" else None,
        )
        self.close("FAILED")

    def close(self, status: str) -> None:
        """End the server's launch, LAUNCHED or FAILED: record, event and job."""
        outcome = "SUCCEEDED" if status == "LAUNCHED" else "FAILED"
        with self.core.lock:
            self.part.launch_status = status
            self.server.last_launch_result = outcome
            if self.server.last_launch:
                self.server.last_launch.status = status
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
        self._done()
