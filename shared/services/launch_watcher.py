"""Records what DRS reports of an execution's jobs in one scope on the servers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from shared.aws.drs_client import DrsClient
from shared.model.drs import Job
from shared.model.execution import JobFields, JobRecord
from shared.model.server import Change, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.drs.drs_error_handler import explain_raw_error, explain_unfinished
from shared.rules.drs.drs_job_monitor import (
    COMPLETED,
    FINISHING,
    LaunchOutcome,
    LaunchResult,
    failure_reasons,
    is_finishing,
    launch_outcomes,
)
from shared.rules.waves.outcome import retryable
from shared.services.opened_execution import OpenedExecution
from shared.store import ExecutionStore
from shared.times import iso, parse_time

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
        self._timeout = timedelta(seconds=execution.policies.launch_timeout_seconds)

    def poll(self, records: Sequence[JobRecord]) -> None:
        """Ask once for all unfinished jobs of the execution in the scope, and record what changed.

        ``records``: the unfinished jobs of the execution, as they were read just now.
        """
        waiting = [record for record in records if record.scope == self._drs.scope]
        if not waiting:
            return
        jobs = {job.job_id: job for job in self._drs.jobs([record.job_id for record in waiting])}
        deleted = [record for record in waiting if self._is_deleted(record, jobs)]
        news = [
            record
            for record in waiting
            if record.job_id in jobs and self._has_news(jobs[record.job_id], record)
        ]
        servers = self._servers([*deleted, *news])
        changes = [change for record in deleted for change in self._given_up(record, servers[record.job_id])]
        for record in news:
            changes += self._outcomes(jobs[record.job_id], servers[record.job_id])
        done = self._store.change_servers(self._id, changes, only_from=(ServerStatus.LAUNCHING,))
        # Only now the jobs: what they say of their servers is on the servers' records.
        recorded = Counter(server.job_id for server in done)
        seen: dict[str, JobFields] = {record.job_id: {"status": COMPLETED} for record in deleted}
        for record in news:
            seen[record.job_id] = _progress(jobs[record.job_id], record, recorded[record.job_id])
        self._store.change_jobs(self._id, seen)

    def _has_news(self, job: Job, record: JobRecord) -> bool:
        """Whether there may be anything that the servers' records do not say yet."""
        return job.status == COMPLETED or self._is_stuck(job) or len(_through(job)) != record.recorded

    def _servers(self, records: Sequence[JobRecord]) -> dict[str, list[ServerRecord]]:
        """The servers that are launching, as far as their records say, by job id."""
        found: dict[str, list[ServerRecord]] = {record.job_id: [] for record in records}
        for wave in sorted({record.wave for record in records}):
            jobs = [record.job_id for record in records if record.wave == wave]
            for server in self._store.servers(self._id, wave, statuses=(ServerStatus.LAUNCHING,), jobs=jobs):
                found[server.job_id or ""].append(server)
        return found

    def _is_deleted(self, record: JobRecord, jobs: Mapping[str, Job]) -> bool:
        """Whether the job was deleted, as opposed to DRS not listing it yet."""
        age = self._now - parse_time(record.created_at)
        return age > SHOWN_BY and record.job_id not in jobs

    def _is_stuck(self, job: Job) -> bool:
        return job.status != COMPLETED and self._now - parse_time(job.created_at) > self._timeout

    def _given_up(self, record: JobRecord, servers: Sequence[ServerRecord]) -> list[Change]:
        """The outcome of the job's servers cannot be known any more: they are not launched again."""
        reason = f"Job {record.job_id} was deleted from DRS before its end was seen."
        remedy = (
            "Look at the server's recovery instance in DRS: if it exists, start the "
            f"{self._execution.record.mode.launches_into}; otherwise run the plan again."
        )
        return [Change(server, server.failed(reason, remedy)) for server in servers]

    def _outcomes(self, job: Job, servers: Sequence[ServerRecord]) -> list[Change]:
        """What the job says of those of its servers whose records do not say it yet."""
        stuck = self._is_stuck(job)
        outcomes = launch_outcomes(job)
        launched, failed = [], []
        for server in servers:
            outcome = outcomes.get(server.drs_server_id, LaunchOutcome(LaunchResult.PENDING))
            if outcome.result is LaunchResult.LAUNCHED:
                launched.append(server)
            # A server can be launched again only when it is in no job any more.
            elif stuck or (outcome.result is LaunchResult.FAILED and job.status == COMPLETED):
                failed.append(server)
        now = iso(self._now)
        changes = [Change(s, replace(s, status=ServerStatus.LAUNCHED, launched_at=now)) for s in launched]
        return changes + (self._failures(job, failed, outcomes, stuck) if failed else [])

    def _failures(
        self, job: Job, servers: list[ServerRecord], outcomes: dict[str, LaunchOutcome], stuck: bool
    ) -> list[Change]:
        reasons = failure_reasons(self._drs.job_log(job.job_id))
        changes = []
        for server in servers:
            outcome = outcomes.get(server.drs_server_id)
            raw = reasons.get(server.drs_server_id) or (outcome.reason if outcome else None)
            reason = raw or (f"it has run for over {self._timeout}" if stuck else "no reason given")
            failed = replace(server, status=ServerStatus.LAUNCH_FAILED)
            again = retryable(failed, self._execution.policies) and not stuck
            after = replace(
                server,
                status=ServerStatus.LAUNCH_FAILED if again else ServerStatus.FAILED,
                reason=f"Launch failed (job {job.job_id}): {reason}",
                remedy=explain_unfinished(job, raw) if stuck else explain_raw_error(reason),
                stop_awaited_since=None,
            )
            changes.append(Change(server, after))
        return changes


def _progress(job: Job, record: JobRecord, recorded: int) -> JobFields:
    """What to note on the job itself, of ``recorded`` more of whose servers the outcome is recorded now.

    A poll at the same time may overwrite the count, but only by less: then the next poll reads in vain.
    """
    if job.status == COMPLETED:
        return {"status": COMPLETED}
    values = JobFields(recorded=record.recorded + recorded) if recorded else JobFields()
    if is_finishing(job) and record.status != FINISHING:
        values["status"] = FINISHING
    return values


def _through(job: Job) -> set[str]:
    """The source servers whose outcome DRS reports."""
    outcomes = launch_outcomes(job)
    return {server for server, outcome in outcomes.items() if outcome.result is not LaunchResult.PENDING}
