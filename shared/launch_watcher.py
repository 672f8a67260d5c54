"""Carries what DRS says of an execution's jobs in one scope over to the servers' records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from shared.drs_client import DrsClient
from shared.drs_error_handler import explain_raw_error
from shared.drs_job_monitor import (
    COMPLETED,
    ENDING,
    LaunchOutcome,
    LaunchResult,
    failure_reasons,
    is_ending,
    launch_outcomes,
)
from shared.model import Job, JobRecord, ServerRecord, ServerStatus
from shared.opened_execution import OpenedExecution
from shared.outcome import retryable
from shared.store import ExecutionStore, ServerChange
from shared.task import iso, parse_time

SHOWN_BY = timedelta(minutes=10)
"""By then DescribeJobs shows a job that was started, if it exists."""


class LaunchWatcher:
    def __init__(
        self, store: ExecutionStore, drs: DrsClient, execution: OpenedExecution, now: datetime
    ) -> None:
        self._store = store
        self._drs = drs
        self._execution = execution
        self._now = now
        self._id = execution.record.execution_id
        self._patience = timedelta(seconds=execution.policies.launch_timeout_seconds)

    def look(self) -> None:
        """Ask once for all unfinished jobs of the execution in the scope, and record what changed."""
        waiting = [
            record
            for record in self._store.jobs(self._id)
            if record.scope == self._drs.scope and record.status != COMPLETED
        ]
        if not waiting:
            return
        jobs = self._drs.jobs([record.job_id for record in waiting])
        launching: dict[str, list[ServerRecord]] = {}
        for server in self._store.servers(self._id):
            if server.status is ServerStatus.LAUNCHING and server.job_id:
                launching.setdefault(server.job_id, []).append(server)
        for record in waiting:
            if self._is_gone(record, jobs):
                self._give_up(record, launching.get(record.job_id, []))
        for job in jobs:
            self._record(job, launching.get(job.job_id, []))
            if job.status == COMPLETED:
                self._store.end_job(self._id, job.job_id, COMPLETED)
            elif is_ending(job):
                self._store.end_job(self._id, job.job_id, ENDING)

    def _is_gone(self, record: JobRecord, jobs: Sequence[Job]) -> bool:
        """Whether somebody deleted the job, as opposed to DRS not listing it yet."""
        age = self._now - parse_time(record.created_at)
        return age > SHOWN_BY and all(job.job_id != record.job_id for job in jobs)

    def _give_up(self, record: JobRecord, servers: list[ServerRecord]) -> None:
        """Nobody can say any more what became of the job's servers: they are not launched again."""
        values = {
            "status": ServerStatus.FAILED,
            "reason": f"Job {record.job_id} was deleted from DRS before its end was seen.",
            "remedy": "Look at the server's recovery instance in DRS: if it is there, start the "
            f"{self._execution.record.mode.launches_into}; otherwise run the plan again.",
        }
        changes = [ServerChange(server, values) for server in servers]
        self._store.change_servers(self._id, changes, only_from=(ServerStatus.LAUNCHING,))
        self._store.end_job(self._id, record.job_id, COMPLETED)

    def _record(self, job: Job, servers: list[ServerRecord]) -> None:
        stuck = job.status != COMPLETED and self._now - parse_time(job.created_at) > self._patience
        outcomes = launch_outcomes(job)
        launched, failed = [], []
        for server in servers:
            outcome = outcomes.get(server.drs_server_id, LaunchOutcome(LaunchResult.PENDING))
            if outcome.result is LaunchResult.LAUNCHED:
                launched.append(server)
            # A server can be tried again only when no job holds it any more.
            elif stuck or (outcome.result is LaunchResult.FAILED and job.status == COMPLETED):
                failed.append(server)
        values = {"status": ServerStatus.LAUNCHED, "launched_at": iso(self._now)}
        changes = [ServerChange(server, values) for server in launched]
        changes += self._failures(job, failed, outcomes, stuck) if failed else []
        self._store.change_servers(self._id, changes, only_from=(ServerStatus.LAUNCHING,))

    def _failures(
        self, job: Job, servers: list[ServerRecord], outcomes: dict[str, LaunchOutcome], stuck: bool
    ) -> list[ServerChange]:
        reasons = failure_reasons(self._drs.job_log(job.job_id))
        changes = []
        for server in servers:
            outcome = outcomes.get(server.drs_server_id)
            raw = reasons.get(server.drs_server_id) or (outcome.reason if outcome else None)
            reason = raw or "no reason given"
            if stuck:
                reason = f"job {job.job_id} has run for over {self._patience}"
            failed = replace(server, status=ServerStatus.LAUNCH_FAILED)
            again = retryable(failed, self._execution.policies) and not stuck
            values = {
                "status": ServerStatus.LAUNCH_FAILED if again else ServerStatus.FAILED,
                "reason": f"Launch failed (job {job.job_id}): {reason}",
                "remedy": explain_raw_error(reason),
                "stop_awaited_since": None,
            }
            changes.append(ServerChange(server, values))
        return changes
