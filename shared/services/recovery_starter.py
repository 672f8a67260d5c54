"""Starts the DRS job of one batch once the scope has a slot for it, and says how long to wait otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from shared.aws.drs_client import DrsClient
from shared.aws.ec2_client import Ec2Client
from shared.model.execution import WaveRecord
from shared.model.server import Change, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.control.pauses import launch_pause, slot_wait_since
from shared.rules.drs.drs_job_monitor import is_finishing, unfinished
from shared.rules.launch.polling import PAUSED, slot_wait
from shared.rules.waves.outcome import retryable
from shared.rules.waves.slots import Claim, in_line, lapsed, may_start, next_to_start, slots
from shared.services.opened_execution import OpenedExecution
from shared.services.recovery_launcher import STARTABLE, RecoveryLauncher
from shared.services.wakeups import resume_batches, resume_waiting_batches
from shared.services.withdrawals import withdraw
from shared.store import ClaimStore, ExecutionStore
from shared.times import iso, parse_time

TIMEOUT = timedelta(hours=2)
"""How long servers wait for a slot among the scope's jobs before they fail."""


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
        self._scope = drs.scope
        self._execution = execution
        self._id = execution.record.execution_id
        self._wave = wave
        self._batch = batch
        self._now = now
        self._claims = ClaimStore(store.table_name, drs.scope)
        self._launcher = RecoveryLauncher(store, drs, ec2, execution, wave, batch, now)
        self._first = True

    def start(self, servers: Sequence[ServerRecord]) -> dict[str, Any]:
        """Launch those of the batch's servers that wait for it.

        Returns ``{outcome, launching, reason}``: WAIT when the scope has no slots, a server is busy, or DRS
        throttles. Raises OutcomeUnknownError, and ThrottledError of calls that read; calling again is safe.
        """
        self._launcher.read_jobs()
        waiting, launching = self._launcher.adopt([s for s in servers if self._may_start(s)])
        record, wave = self._execution.record, self._wave_record()
        waiting = withdraw(self._store, record, wave, waiting)
        if not waiting:
            self._give_back(self._claim(0))
            return self._result(launching, [], "")
        if paused := launch_pause(record, wave):
            self._claims.drop([self._claim(0)])  # it must not block the batches of others
            return {**self._result(launching, waiting, paused), "paused": True, "waitSeconds": PAUSED}
        busy = self._launcher.busy()
        in_other_jobs = [server for server in waiting if server.drs_server_id in busy]
        free = [server for server in waiting if server.drs_server_id not in busy]
        if not free:
            return self._wait(launching, in_other_jobs, f"{len(in_other_jobs)} servers are in other jobs")
        claim = self._claim(len(free))
        if refused := self._refused_slot(claim):
            return self._wait(launching, waiting, refused)
        launched = self._launcher.launch(free)
        if launched.left:
            self._claims.put([self._claim(len(launched.left))], self._now)
        else:
            self._give_back(claim)
        launching += launched.launching
        if launched.left or in_other_jobs:
            reason = launched.reason or "servers are in other jobs"
            return self._wait(launching, launched.left + in_other_jobs, reason)
        return self._result(launching, [], "")

    def _refused_slot(self, claim: Claim) -> str | None:
        """Ask for a slot; None: it is granted, else what the scope is busy with."""
        in_progress = unfinished(self._launcher.jobs)
        in_jobs = sum(len(job.servers) for job in in_progress)
        free_slots = slots(len(in_progress), in_jobs, self._store.limits(self._id, self._scope))
        grant = self._claims.grant(
            claim, self._now, lambda own, claims: may_start(own, claims, free_slots, self._now)
        )
        others = [other for other in grant.claims if grant.granted or other.key != claim.key]
        resume_batches(self._store, self._scope, next_to_start(others, free_slots, self._now))
        if grant.granted:
            return None
        line = [other for other in in_line(grant.claims) if not lapsed(other, self._now)]
        self._first = line[0].key == claim.key
        return f"{self._scope} has {len(in_progress)} jobs with {in_jobs} servers in progress"

    def _give_back(self, claim: Claim) -> None:
        """Drop the claim. Batches that polled meanwhile have counted both the claim and its job."""
        self._claims.drop([claim])
        resume_waiting_batches(self._store, self._scope)

    def _wait(self, launching: int, waiting: Sequence[ServerRecord], reason: str) -> dict[str, Any]:
        since = slot_wait_since(self._execution.record, self._wave_record())
        if not since or self._now - parse_time(since) <= TIMEOUT:
            return self._result(launching, waiting, reason)
        why = f"No place in a DRS job within {TIMEOUT}: {reason}."
        jobs = f"aws drs describe-jobs --region {self._scope.region}"
        remedy = f"See what runs ({jobs}); when it has ended, run the plan again."
        changes = [Change(server, server.failed(why, remedy)) for server in waiting]
        self._store.change_servers(self._id, changes, only_from=STARTABLE)
        return self._result(launching, [], reason)

    def _result(self, launching: int, waiting: Sequence[ServerRecord], reason: str) -> dict[str, Any]:
        outcome = "WAIT" if waiting else "STARTED" if launching else "NOTHING"
        jobs = self._launcher.jobs
        oldest = min((job.created_at for job in unfinished(jobs)), default=None)
        age = (self._now - parse_time(oldest)).total_seconds() if oldest else None
        return {
            "outcome": outcome,
            "launching": launching,
            "reason": reason[:500],
            "waitSeconds": slot_wait(
                age, first=self._first, finishing=any(is_finishing(job) for job in jobs)
            ),
            "scope": str(self._scope),
            "paused": False,
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
