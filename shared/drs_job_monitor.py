"""What a set of DRS job descriptions means for our servers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from shared.model import Job, JobLogItem

EXECUTION_TAG = "drs-orchestrator:execution"
WAVE_TAG = "drs-orchestrator:wave"
LOT_TAG = "drs-orchestrator:lot"
ATTEMPT_TAG = "drs-orchestrator:attempt"


class LaunchResult(StrEnum):
    PENDING = "PENDING"
    LAUNCHED = "LAUNCHED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class LaunchOutcome:
    """``reason`` says why a FAILED server failed as far as the job itself tells; else None."""

    result: LaunchResult
    reason: str | None = None


def own_tags(execution_id: str, wave: str, lot: int, attempt: int) -> dict[str, str]:
    """The tags that StartRecovery puts on a job so that a later attempt can find it again."""
    raise NotImplementedError


def launch_outcomes(job: Job) -> dict[str, LaunchOutcome]:
    """The outcome of every participating server: source server id -> outcome.

    A job never fails as a whole and COMPLETED says nothing about its servers: each is judged by its own
    launch status. An absent status is normal through snapshot and conversion, and a failure once the job
    is COMPLETED.
    """
    raise NotImplementedError


def failure_reasons(items: Sequence[JobLogItem]) -> dict[str, str]:
    """Why servers failed, from the job log: source server id -> reason. ``items`` oldest first."""
    raise NotImplementedError


def find_own_job(jobs: Iterable[Job], execution_id: str, wave: str, lot: int, attempt: int) -> Job | None:
    """The job that an earlier try of this very attempt started, by its tags; the newest if several."""
    raise NotImplementedError


def unfinished(jobs: Iterable[Job]) -> tuple[Job, ...]:
    """The jobs that are not COMPLETED, of every type: they all count against the quotas."""
    raise NotImplementedError


def servers_in_progress(jobs: Iterable[Job]) -> set[str]:
    """Source server ids that an unfinished job holds."""
    raise NotImplementedError
