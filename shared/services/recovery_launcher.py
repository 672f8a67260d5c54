"""Calls StartRecovery for servers of one batch, and adopts the jobs that an earlier attempt started.

StartRecovery has no client token, takes a call as a whole or refuses it as a whole, and its answer may be
lost. So the launcher looks for a job with this batch's tags first. When DRS refuses a call, it leaves out the
servers that explain the refusal, and if none does, splits the call.

DRS launches by the settings of the moment, which others can write, and has no conditional start. So the
launcher reads settings and instances right before every call; what is not as decided is not launched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from shared.aws.bisection import halves
from shared.aws.drs_client import DrsClient
from shared.aws.ec2_client import Ec2Client
from shared.aws.errors import (
    AccessDeniedError,
    AwsCallError,
    AwsUnavailableError,
    OutcomeUnknownError,
    ThrottledError,
)
from shared.model.drs import Job
from shared.model.execution import JobRecord
from shared.model.policies import Mode
from shared.model.server import Change, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.drs.drs_error_handler import ErrorKind, is_in_job
from shared.rules.drs.drs_job_monitor import (
    ATTEMPT_TAG,
    BATCH_TAG,
    EXECUTION_TAG,
    WAVE_TAG,
    own_tags,
    unfinished,
)
from shared.rules.launch.launch_guard import as_decided, sent_back
from shared.rules.launch.stopping import not_launchable
from shared.services.launch_settings import read_launch_settings
from shared.services.opened_execution import OpenedExecution
from shared.store import ExecutionStore, WaiterStore
from shared.times import iso

JOBS_WINDOW = timedelta(days=1)
STARTABLE = (ServerStatus.CONFIGURED, ServerStatus.LAUNCH_FAILED)


@dataclass(slots=True)
class Launched:
    """What a launch came to: how many servers are ``launching``, which ones wait, and why."""

    launching: int = 0
    left: list[ServerRecord] = field(default_factory=list)
    reason: str = ""


class RecoveryLauncher:
    """For one batch. ``jobs`` are those of the scope as they were read last."""

    def __init__(
        self,
        store: ExecutionStore,
        drs: DrsClient,
        ec2: Ec2Client,
        execution: OpenedExecution,
        wave: str,
        batch: int,
        now: datetime,
    ) -> None:
        self._store = store
        self._drs = drs
        self._ec2 = ec2
        self._execution = execution
        self._id = execution.record.execution_id
        self._wave = wave
        self._batch = batch
        self._now = now
        self._waiters = WaiterStore(store.table_name, drs.scope)
        self._pending: list[list[ServerRecord]] = []
        self._too_many = 0
        self.jobs: list[Job] = []

    def read_jobs(self) -> None:
        self.jobs = self._drs.jobs_since(iso(self._now - JOBS_WINDOW))

    def busy(self) -> set[str]:
        """The source servers in unfinished jobs."""
        return {server.source_server_id for job in unfinished(self.jobs) for server in job.servers}

    def adopt(self, servers: Sequence[ServerRecord]) -> tuple[list[ServerRecord], int]:
        """Adopt what an earlier attempt of this very launch started; returns the servers that are left."""
        left = {server.drs_server_id: server for server in servers}
        adopted = 0
        for job in self.jobs:
            mine = (self._id, self._wave, str(self._batch))
            if tuple(job.tags.get(tag) for tag in (EXECUTION_TAG, WAVE_TAG, BATCH_TAG)) != mine:
                continue
            attempt = int(job.tags.get(ATTEMPT_TAG, "0"))
            members = [
                left.pop(member.source_server_id)
                for member in job.servers
                if member.source_server_id in left and left[member.source_server_id].attempts < attempt
            ]
            if members:
                adopted += self._record(job, members, attempt)
        return list(left.values()), adopted

    def launch(self, servers: list[ServerRecord]) -> Launched:
        """Start the servers' job, or several where DRS refuses the one. Raises OutcomeUnknownError."""
        self._pending = [servers]
        self._too_many = len(servers) + 1
        result = Launched()
        while self._pending:
            some = self._pending.pop()
            try:
                some = self._as_decided(self._launchable(some))
                result.launching += self._start(some) if some else 0
            except (OutcomeUnknownError, AwsUnavailableError):
                raise
            except ThrottledError as error:
                # Nothing has happened, and nothing will while it waits, however long DRS is busy.
                result.left += some
                result.reason = str(error)
            except AccessDeniedError as error:
                # A policy may distinguish servers by their tags, so one may be denied and the others not.
                self._split_or_fail(some, error)
            except AwsCallError as error:
                result.reason = str(error)
                if error.explanation.kind is ErrorKind.QUOTA:
                    result.left += self._over_quota(some)
                else:
                    self._leave_out(some, error, result)
        return result

    def _start(self, servers: Sequence[ServerRecord]) -> int:
        attempt = max(server.attempts for server in servers) + 1
        job = self._drs.start_recovery(
            [server.drs_server_id for server in servers],
            drill=self._execution.record.mode is Mode.DRILL,
            tags=own_tags(self._id, self._wave, self._batch, attempt),
        )
        return self._record(job, servers, attempt)

    def _split_or_fail(self, servers: list[ServerRecord], error: AwsCallError) -> None:
        parts = halves(servers)
        self._pending += parts
        if not parts:
            self._fail(servers, error)

    def _over_quota(self, servers: list[ServerRecord]) -> list[ServerRecord]:
        """Split a call that is too big; returns the servers that have to wait instead."""
        if len(servers) < self._too_many:
            self.read_jobs()
            if not unfinished(self.jobs):
                self._too_many = len(servers)  # nothing is in progress: the size is what DRS refuses
        parts = halves(servers) if len(servers) >= self._too_many else []
        self._pending += parts
        return [] if parts else servers

    def _leave_out(self, servers: list[ServerRecord], error: AwsCallError, result: Launched) -> None:
        """After a refusal: try again without the servers that explain it, or split the call."""
        self.read_jobs()
        rest, adopted = self.adopt(servers)
        busy = self.busy()
        waiting = [server for server in rest if server.drs_server_id in busy]
        rest = [server for server in rest if server.drs_server_id not in busy]
        result.launching += adopted
        result.left += waiting
        if len(rest) < len(servers):
            self._pending += [rest] if rest else []
        elif len(rest) == 1 and is_in_job(str(error)):
            # No job shows it: DRS keeps a server for a while after its job (observed).
            result.left += rest
        else:
            self._split_or_fail(rest, error)

    def _as_decided(self, servers: Sequence[ServerRecord]) -> list[ServerRecord]:
        """The servers that DRS would launch into their pairs; the others are configured again, or fail."""
        asked = [(server.scope, server.drs_server_id) for server in servers]
        found = read_launch_settings(lambda scope: self._drs, asked)
        recovery_mode, mode = self._execution.policies.recovery_mode, self._execution.record.mode
        good, bad = [], []
        for server, current in zip(servers, found, strict=True):
            if isinstance(current, AwsCallError):
                bad.append(Change(server, server.failed(str(current), current.explanation.remedy)))
            elif as_decided(server, current, recovery_mode):
                good.append(server)
            else:
                bad.append(Change(server, sent_back(server, current, recovery_mode, mode)))
        self._store.change_servers(self._id, bad, only_from=STARTABLE)
        return good

    def _launchable(self, servers: Sequence[ServerRecord]) -> list[ServerRecord]:
        """The servers whose instance is stopped and tagged; the others fail."""
        found = self._ec2.instances([server.pair_instance_id or "" for server in servers])
        instances = {instance.instance_id: instance for instance in found}
        good, bad = [], []
        for server in servers:
            instance = instances.get(server.pair_instance_id or "")
            if instance and instance.state == "stopped" and instance.allows_launching_into:
                good.append(server)
            else:
                bad.append(Change(server, not_launchable(server, instance, self._execution.record.mode)))
        self._store.change_servers(self._id, bad, only_from=STARTABLE)
        return good

    def _record(self, job: Job, servers: Sequence[ServerRecord], attempt: int) -> int:
        record = JobRecord(
            job_id=job.job_id,
            scope=job.scope,
            wave=self._wave,
            batch=self._batch,
            attempt=attempt,
            status="STARTED",
            created_at=job.created_at,
            servers=len(servers),
        )
        self._store.put_job(self._id, record)
        self._waiters.expect(job.job_id, len(job.servers) or len(servers), self._now)
        status = ServerStatus.LAUNCHING
        changes = [
            Change(server, replace(server, status=status, job_id=job.job_id, attempts=attempt))
            for server in servers
        ]
        return len(self._store.change_servers(self._id, changes, only_from=STARTABLE))

    def _fail(self, servers: Sequence[ServerRecord], error: AwsCallError) -> None:
        changes = [Change(s, s.failed(str(error), error.explanation.remedy)) for s in servers]
        self._store.change_servers(self._id, changes, only_from=STARTABLE)
