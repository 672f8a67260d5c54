"""What a set of DRS job descriptions means for our servers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from shared.model.drs import Job, JobLogItem

EXECUTION_TAG = "drs-orchestrator:execution"
WAVE_TAG = "drs-orchestrator:wave"
BATCH_TAG = "drs-orchestrator:batch"
ATTEMPT_TAG = "drs-orchestrator:attempt"


class LaunchResult(StrEnum):
    PENDING = "PENDING"
    LAUNCHED = "LAUNCHED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class LaunchOutcome:
    """``reason``: why a server FAILED, as far as the job itself shows it; else None."""

    result: LaunchResult
    reason: str | None = None


def own_tags(execution_id: str, wave: str, batch: int, attempt: int) -> dict[str, str]:
    """The tags that StartRecovery puts on a job so that a later attempt can find it again."""
    return {EXECUTION_TAG: execution_id, WAVE_TAG: wave, BATCH_TAG: str(batch), ATTEMPT_TAG: str(attempt)}


def launch_outcomes(job: Job) -> dict[str, LaunchOutcome]:
    """The outcome of every participating server: source server id -> outcome.

    A job never fails as a whole and COMPLETED means nothing for its servers: each is judged by its own
    launch status. An absent status is normal through snapshot and conversion, and a failure once the job
    is COMPLETED (observed in the field).
    """
    return {server.source_server_id: _outcome(server.launch_status, job) for server in job.servers}


def _outcome(launch_status: str | None, job: Job) -> LaunchOutcome:
    if launch_status == "LAUNCHED":
        return LaunchOutcome(LaunchResult.LAUNCHED)
    if launch_status == "FAILED":
        return LaunchOutcome(LaunchResult.FAILED, f"DRS could not launch it in job {job.job_id}.")
    if launch_status == "TERMINATED":
        return LaunchOutcome(LaunchResult.FAILED, f"It was terminated after its launch in job {job.job_id}.")
    if job.status == COMPLETED:
        return LaunchOutcome(
            LaunchResult.FAILED, f"Job {job.job_id} is COMPLETED with no launch status for it."
        )
    return LaunchOutcome(LaunchResult.PENDING)


def failure_reasons(items: Sequence[JobLogItem]) -> dict[str, str]:
    """Why servers failed, from the job log: source server id -> reason. ``items`` oldest first.

    A clean-up that failed is the reason only if there is no worse one; a server whose launch ended well
    has none. LAUNCH_END is in real job logs though not in the SDK's list of events (observed in the field).
    """
    reasons: dict[str, str] = {}
    clean_ups: dict[str, str] = {}
    launched: set[str] = set()
    for item in items:
        server = item.source_server_id
        if server is None:
            continue
        if item.event == "LAUNCH_END":
            launched.add(server)
        elif item.raw_error or item.event.endswith(("_FAIL", "_FAILED")) or item.event in _GIVEN_UP:
            where = clean_ups if item.event.startswith("CLEANUP") else reasons
            where[server] = f"{item.event}: {item.raw_error}" if item.raw_error else _bare(item.event)
    return {server: reason for server, reason in (clean_ups | reasons).items() if server not in launched}


def unfinished(jobs: Iterable[Job]) -> tuple[Job, ...]:
    """The jobs that are not COMPLETED, of every type: they all count against the quotas."""
    return tuple(job for job in jobs if job.status != COMPLETED)


def is_finishing(job: Job) -> bool:
    """Whether every server is through and only the job's own end is left; that frees slots and servers."""
    return job.status != COMPLETED and all(
        outcome.result is not LaunchResult.PENDING for outcome in launch_outcomes(job).values()
    )


def job_by_server(jobs: Iterable[Job]) -> dict[str, Job]:
    """The job that each server takes part in; the last one of several."""
    return {server.source_server_id: job for job in jobs for server in job.servers}


def servers_in_progress(jobs: Iterable[Job]) -> set[str]:
    """The ids of the source servers that are in an unfinished job."""
    return {server.source_server_id for job in unfinished(jobs) for server in job.servers}


COMPLETED = "COMPLETED"
FINISHING = "FINISHING"
"""In our records only: every server of the job is through, and its own end is left."""
_GIVEN_UP = ("SERVER_SKIPPED", "JOB_CANCEL")


def _bare(event: str) -> str:
    return f"{event}, without an error text in the job log."
