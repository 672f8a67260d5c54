"""Starts the DRS job of one batch, or adopts the one that an earlier attempt of this execution started.

StartRecovery has no client token, takes a call as a whole or refuses it as a whole, and its answer may be
lost. So: look for a job with this batch's tags first; respect the scope's quotas by waiting; when DRS
refuses a call, leave out the servers that explain the refusal, and if none does, split the call.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from shared.aws.drs_client import DrsClient
from shared.aws.ec2_client import Ec2Client
from shared.aws.errors import AccessDeniedError, AwsCallError, OutcomeUnknownError, ThrottledError
from shared.model.drs import Job
from shared.model.execution import JobRecord, WaveRecord
from shared.model.policies import Mode
from shared.model.server import ServerChange, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.control.pauses import launch_pause, patient_since
from shared.rules.drs.drs_error_handler import ErrorKind, is_in_job
from shared.rules.drs.drs_job_monitor import (
    ATTEMPT_TAG,
    BATCH_TAG,
    EXECUTION_TAG,
    WAVE_TAG,
    is_ending,
    own_tags,
    unfinished,
)
from shared.rules.launch.polling import HELD, slot_wait
from shared.rules.waves.outcome import retryable
from shared.rules.waves.slots import Claim, in_line, lapsed, may_start, next_to_start, slots
from shared.services.opened_execution import OpenedExecution
from shared.services.wakeups import resume_batches, resume_waiting_batches
from shared.services.withdrawals import withdraw
from shared.store import ClaimStore, ExecutionStore, WaiterStore
from shared.times import iso, parse_time

LOOK_BACK = timedelta(days=1)
TIMEOUT = timedelta(hours=2)
"""How long servers wait for a place among the scope's jobs before they are given up."""

STARTABLE = (ServerStatus.CONFIGURED, ServerStatus.LAUNCH_FAILED)


class RecoveryStarter:
    def __init__(
        self,
        *,
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
        self._claims = ClaimStore(store.table_name, drs.scope)
        self._waiters = WaiterStore(store.table_name, drs.scope)
        self._oldest_job: str | None = None
        self._ending = False
        self._first = True

    def start(self, servers: Sequence[ServerRecord]) -> dict[str, Any]:
        """Launch those of the batch's servers that wait for it.

        Returns ``{outcome, launching, reason}``: WAIT when the scope has no slots, a server is busy, or DRS
        throttles. Raises OutcomeUnknownError, and ThrottledError of calls that read; calling again is safe.
        """
        waiting = [server for server in servers if self._may_start(server)]
        jobs = self._jobs()
        waiting, launching = self._adopt(waiting, jobs)
        record, wave = self._execution.record, self._wave_record()
        waiting = withdraw(self._store, record, wave, waiting)
        if not waiting:
            self._claims.drop([self._claim(0)])
            resume_waiting_batches(self._store, self._drs.scope)
            return self._result(launching, [], "")
        paused = launch_pause(record, wave)
        if paused:
            self._claims.drop([self._claim(0)])  # it must not stand in the way of others
            return {**self._result(launching, waiting, paused), "held": True, "waitSeconds": HELD}
        busy = self._busy(jobs)
        held = [server for server in waiting if server.drs_server_id in busy]
        free = [server for server in waiting if server.drs_server_id not in busy]
        if not free:
            return self._wait(launching, held, f"{len(held)} servers are in other jobs")
        in_progress = unfinished(jobs)
        in_jobs = sum(len(job.servers) for job in in_progress)
        free_slots = slots(len(in_progress), in_jobs, self._store.limits(self._id, self._drs.scope))
        claim = self._claim(len(free))
        grant = self._claims.grant(
            claim, self._now, lambda own, claims: may_start(own, claims, free_slots, self._now)
        )
        others = [other for other in grant.claims if grant.granted or other.key != claim.key]
        resume_batches(self._store, self._drs.scope, next_to_start(others, free_slots, self._now))
        if not grant.granted:
            line = [other for other in in_line(grant.claims) if not lapsed(other, self._now)]
            self._first = line[0].key == claim.key
            reason = f"{self._drs.scope} has {len(in_progress)} jobs with {in_jobs} servers in progress"
            return self._wait(launching, waiting, reason)
        launched, left, reason = self._launch(free)
        if left:
            self._claims.put([self._claim(len(left))], self._now)
        else:
            self._claims.drop([claim])
            # Who looked meanwhile has counted both the claim and its job.
            resume_waiting_batches(self._store, self._drs.scope)
        if left or held:
            return self._wait(launching + launched, left + held, reason or "servers are in other jobs")
        return self._result(launching + launched, [], "")

    def _launch(self, servers: list[ServerRecord]) -> tuple[int, list[ServerRecord], str]:
        """Returns how many are launching, who has to wait, and why."""
        pending = [servers]
        launching = 0
        too_many = len(servers) + 1
        left: list[ServerRecord] = []
        reason = ""
        while pending:
            some = pending.pop()
            attempt = max(server.attempts for server in some) + 1
            try:
                job = self._drs.start_recovery(
                    [server.drs_server_id for server in some],
                    drill=self._execution.record.mode is Mode.DRILL,
                    tags=own_tags(self._id, self._wave, self._batch, attempt),
                )
                launching += self._record(job, some, attempt)
            except OutcomeUnknownError:
                raise
            except ThrottledError as error:
                # Nothing has happened, and nothing will while it waits, however long DRS is busy.
                left += some
                reason = str(error)
            except AccessDeniedError as error:
                # A policy may tell servers apart by their tags, so one may be denied and the others not.
                middle = len(some) // 2
                if middle:
                    pending += [some[:middle], some[middle:]]
                else:
                    self._fail(some, error)
            except AwsCallError as error:
                if error.explanation.kind is ErrorKind.QUOTA:
                    reason = str(error)
                    if len(some) < too_many and not unfinished(self._jobs()):
                        too_many = len(some)  # nothing is in progress: it is the size that is refused
                    middle = len(some) // 2
                    if middle and len(some) >= too_many:
                        pending += [some[:middle], some[middle:]]
                    else:
                        left += some
                    continue
                rest, waiting, adopted = self._sort_out(some)
                launching += adopted
                left += waiting
                reason = str(error)
                if len(rest) == len(some) == 1 and is_in_job(str(error)):
                    # Without a job to be seen: DRS keeps a server for a while after its job (observed).
                    left += rest
                elif len(rest) == len(some) == 1:
                    self._fail(some, error)
                elif len(rest) == len(some):
                    middle = len(rest) // 2
                    pending += [rest[:middle], rest[middle:]]
                elif rest:
                    pending.append(rest)
        return launching, left, reason

    def _sort_out(self, servers: list[ServerRecord]) -> tuple[list[ServerRecord], list[ServerRecord], int]:
        """After a refusal: those that may be tried again, those that must wait, and how many were adopted."""
        jobs = self._jobs()
        rest, adopted = self._adopt(servers, jobs)
        busy = self._busy(jobs)
        waiting = [server for server in rest if server.drs_server_id in busy]
        rest = [server for server in rest if server.drs_server_id not in busy]
        instances = {i.instance_id: i for i in self._ec2.instances([s.pair_instance_id or "" for s in rest])}
        good = []
        for server in rest:
            instance = instances.get(server.pair_instance_id or "")
            if instance and instance.state == "stopped" and instance.allows_launching_into:
                good.append(server)
                continue
            found = f"{instance.state}, AWSDRS tag {instance.tags.get('AWSDRS')!r}" if instance else "gone"
            values = {
                "status": ServerStatus.FAILED,
                "reason": f"{server.pair_instance_id} cannot be launched into: it is {found}.",
                "remedy": f"Stop and tag the {self._execution.record.mode.launches_into}, then run the "
                "plan again for this server.",
            }
            self._store.change_servers(self._id, [ServerChange(server, values)], only_from=STARTABLE)
        return good, waiting, adopted

    def _adopt(self, servers: list[ServerRecord], jobs: list[Job]) -> tuple[list[ServerRecord], int]:
        """Take over what an earlier attempt of this very launch started; returns who is left."""
        left = {server.drs_server_id: server for server in servers}
        adopted = 0
        for job in jobs:
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

    def _record(self, job: Job, servers: Sequence[ServerRecord], attempt: int) -> int:
        self._store.put_job(
            self._id,
            JobRecord(
                job_id=job.job_id,
                scope=job.scope,
                wave=self._wave,
                batch=self._batch,
                attempt=attempt,
                status="STARTED",
                created_at=job.created_at,
                servers=len(servers),
            ),
        )
        self._waiters.expect(job.job_id, len(job.servers) or len(servers), self._now)
        values = {"status": ServerStatus.LAUNCHING, "job_id": job.job_id, "attempts": attempt}
        changes = [ServerChange(server, values) for server in servers]
        return len(self._store.change_servers(self._id, changes, only_from=STARTABLE))

    def _fail(self, servers: Sequence[ServerRecord], error: AwsCallError) -> None:
        values = {
            "status": ServerStatus.FAILED,
            "reason": str(error),
            "remedy": error.explanation.remedy,
        }
        changes = [ServerChange(server, values) for server in servers]
        self._store.change_servers(self._id, changes, only_from=STARTABLE)

    def _wait(self, launching: int, waiting: Sequence[ServerRecord], reason: str) -> dict[str, Any]:
        since = patient_since(self._execution.record, self._wave_record())
        if since and self._now - parse_time(since) > TIMEOUT:
            values = {
                "status": ServerStatus.FAILED,
                "reason": f"No place in a DRS job within {TIMEOUT}: {reason}.",
                "remedy": "See what runs (aws drs describe-jobs); when it has ended, run the plan again.",
            }
            changes = [ServerChange(server, values) for server in waiting]
            self._store.change_servers(self._id, changes, only_from=STARTABLE)
            return self._result(launching, [], reason)
        return self._result(launching, waiting, reason)

    def _result(self, launching: int, waiting: Sequence[ServerRecord], reason: str) -> dict[str, Any]:
        outcome = "WAIT" if waiting else "STARTED" if launching else "NOTHING"
        age = None
        if self._oldest_job:
            age = (self._now - parse_time(self._oldest_job)).total_seconds()
        return {
            "outcome": outcome,
            "launching": launching,
            "reason": reason[:500],
            "waitSeconds": slot_wait(age, first=self._first, ending=self._ending),
            "scope": str(self._drs.scope),
            "held": False,
        }

    def _claim(self, servers: int) -> Claim:
        now = iso(self._now)
        priority = self._wave_record().priority
        return Claim(self._id, self._wave, self._batch, servers, priority, asked_at=now, seen_at=now)

    def _wave_record(self) -> WaveRecord:
        return self._store.wave(self._id, self._wave)

    def _may_start(self, server: ServerRecord) -> bool:
        if server.status is ServerStatus.LAUNCH_FAILED:
            return retryable(server, self._execution.policies)
        return server.status is ServerStatus.CONFIGURED

    def _jobs(self) -> list[Job]:
        jobs = self._drs.jobs_since(iso(self._now - LOOK_BACK))
        self._oldest_job = min((job.created_at for job in unfinished(jobs)), default=None)
        self._ending = any(is_ending(job) for job in jobs)
        return jobs

    @staticmethod
    def _busy(jobs: Sequence[Job]) -> set[str]:
        return {server.source_server_id for job in unfinished(jobs) for server in job.servers}
