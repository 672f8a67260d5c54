"""Carries what DRS says of an execution's jobs in one scope over to the servers' records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
        jobs = {job.job_id: job for job in self._drs.jobs([record.job_id for record in waiting])}
        gone = [record for record in waiting if self._is_gone(record, jobs)]
        news = [
            record
            for record in waiting
            if record.job_id in jobs and self._has_news(jobs[record.job_id], record)
        ]
        servers = self._servers([*gone, *news])
        for record in gone:
            self._give_up(record, _launching(servers[record.job_id]))
        for record in news:
            self._carry_over(jobs[record.job_id], record, servers[record.job_id])

    def _has_news(self, job: Job, record: JobRecord) -> bool:
        """Whether there may be anything that the servers' records do not say yet."""
        return job.status == COMPLETED or self._is_stuck(job) or len(_through(job)) != record.recorded

    def _servers(self, records: Sequence[JobRecord]) -> dict[str, list[ServerRecord]]:
        """The servers of some jobs by job id. Reading a server takes longer than all the rest of a look."""
        found: dict[str, list[ServerRecord]] = {record.job_id: [] for record in records}
        for wave in sorted({record.wave for record in records}):
            for server in self._store.servers(self._id, wave):
                if server.job_id in found:
                    found[server.job_id].append(server)
        return found

    def _carry_over(self, job: Job, record: JobRecord, servers: list[ServerRecord]) -> None:
        self._record(job, _launching(servers))
        if job.status == COMPLETED:
            self._store.end_job(self._id, job.job_id, COMPLETED)
        elif is_ending(job) and record.status != ENDING:
            self._store.end_job(self._id, job.job_id, ENDING)
        through = _through(job)
        # A job is recorded before its servers are: then the next look finds them.
        if job.status != COMPLETED and through <= {server.drs_server_id for server in servers}:
            self._store.note_recorded(self._id, job.job_id, len(through))

    def _is_gone(self, record: JobRecord, jobs: Mapping[str, Job]) -> bool:
        """Whether somebody deleted the job, as opposed to DRS not listing it yet."""
        age = self._now - parse_time(record.created_at)
        return age > SHOWN_BY and record.job_id not in jobs

    def _is_stuck(self, job: Job) -> bool:
        return job.status != COMPLETED and self._now - parse_time(job.created_at) > self._patience

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
        stuck = self._is_stuck(job)
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


def _launching(servers: Sequence[ServerRecord]) -> list[ServerRecord]:
    return [server for server in servers if server.status is ServerStatus.LAUNCHING]


def _through(job: Job) -> set[str]:
    """The source servers of which DRS tells an outcome."""
    outcomes = launch_outcomes(job)
    return {server for server, outcome in outcomes.items() if outcome.result is not LaunchResult.PENDING}
