"""The quotas on jobs of one account in one Region (AWS General Reference; none is adjustable)."""

from __future__ import annotations

from drs_emulator.core import Core
from drs_emulator.errors import ServiceQuotaExceededError
from drs_emulator.state import Scope


def check_job(core: Core, scope: Scope, servers: int) -> None:
    """Raise ServiceQuotaExceededError for a job of that many servers. Called under the lock."""
    settings = core.settings
    if servers > settings.servers_per_job:
        raise ServiceQuotaExceededError(
            f"Max source servers in a single Job exceeded: {servers} of {settings.servers_per_job}",
            quota_code="L-B827C881",
        )
    active = scope.active_jobs()
    if len(active) >= settings.jobs_in_progress:
        raise ServiceQuotaExceededError(
            f"Concurrent jobs in progress exceeded: {len(active)} of {settings.jobs_in_progress}",
            quota_code="L-D88FAC3A",
        )
    in_jobs = sum(len(job.participants) for job in active)
    if in_jobs + servers > settings.servers_in_all_jobs:
        raise ServiceQuotaExceededError(
            f"Max source servers in all Jobs exceeded: {in_jobs} of {settings.servers_in_all_jobs} are in "
            f"progress, {servers} more were asked for",
            quota_code="L-05AFA8C6",
        )
