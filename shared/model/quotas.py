"""How much DRS takes at once in a scope."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.model.scope import Scope

JOBS_IN_PROGRESS = 20


SERVERS_IN_JOBS = 500


SERVERS_PER_JOB = 100


REPLICATING_SERVERS = 300
"""Quotas of one account in one Region, not adjustable (AWS General Reference, DRS service quotas)."""


MOST_PER_CALL = 200
"""StartRecovery takes at most so many servers, whatever the quota says (DRS service model)."""


@dataclass(frozen=True, slots=True)
class ScopeLimits:
    """Quotas of one account in one Region. ``replicating``: source servers."""

    jobs: int = JOBS_IN_PROGRESS
    servers_in_jobs: int = SERVERS_IN_JOBS
    servers_per_job: int = SERVERS_PER_JOB
    replicating: int = REPLICATING_SERVERS

    @property
    def largest_job(self) -> int:
        """How many servers a job may have, if it is to fit at all."""
        return min(self.servers_per_job, self.servers_in_jobs, MOST_PER_CALL)


@dataclass(frozen=True, slots=True)
class Quota:
    """How Service Quotas calls a limit."""

    code: str
    name: str


QUOTAS: Mapping[str, Quota] = {
    "jobs": Quota("L-D88FAC3A", "Concurrent jobs in progress"),
    "servers_in_jobs": Quota("L-05AFA8C6", "Max source servers in all Jobs"),
    "servers_per_job": Quota("L-B827C881", "Max source servers in a single Job"),
    "replicating": Quota("L-C1D14A2B", "Max Total replicating source servers Per AWS Account"),
}
"""By the fields of ScopeLimits. The names are those of the AWS General Reference. The codes were read in
public lists that people made with the Service Quotas API, and not all of them in AWS's documentation: so a
quota also counts when only its name is right."""


@dataclass(frozen=True, slots=True)
class KnownLimits:
    """The limits that an execution goes by in one scope.

    ``from_settings``: the fields that Service Quotas gave no value for; ``reason``: why it gave none at all.
    """

    scope: Scope
    limits: ScopeLimits
    from_settings: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class QuotaValue:
    """A quota in the words of ListServiceQuotas."""

    code: str
    name: str
    value: float
