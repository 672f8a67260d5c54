"""Who may start the next DRS job of a scope: the quotas are shared fairly, the critical path first.

Every batch that wants a job claims slots for it, in the table of executions, so that all executions see each
other's claims. Claims are five-minute leases, renewed by polling: an owner that died loses its claim.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.model.quotas import ScopeLimits

LEASE = timedelta(minutes=5)
"""How long a claim lasts unless its owner renews it; owners poll at least once a minute."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The wish of one batch for a job. Times are ISO 8601 in UTC; ``granted_at`` is None while it waits.

    ``priority``: the seconds that the plan still takes from this batch's launch on, the longest way counted;
    the more, the sooner it is served. A granted claim stands for a job that DRS may not show yet.
    """

    execution_id: str
    wave: str
    batch: int
    servers: int
    priority: float
    asked_at: str
    seen_at: str
    granted_at: str | None = None

    @property
    def key(self) -> tuple[str, str, int]:
        return (self.execution_id, self.wave, self.batch)


@dataclass(frozen=True, slots=True)
class Slots:
    """What a scope's unfinished jobs leave."""

    jobs: int
    servers: int

    def fit(self, servers: int) -> bool:
        return self.jobs >= 1 and self.servers >= servers

    def less(self, servers: int) -> Slots:
        return Slots(self.jobs - 1, self.servers - servers)


def slots(jobs_in_progress: int, servers_in_jobs: int, limits: ScopeLimits) -> Slots:
    return Slots(limits.jobs - jobs_in_progress, limits.servers_in_jobs - servers_in_jobs)


def may_start(own: Claim, claims: Sequence[Claim], left: Slots, now: datetime) -> bool:
    """Whether ``own`` is to start now, given all ``claims`` on a scope and what its jobs leave.

    Claims are served by priority, then by the time they were first made. No claim overtakes one that
    does not fit: a big batch is not starved by small ones. Lapsed claims do not count.
    """
    others = [claim for claim in claims if claim.key != own.key]
    asking = replace(own, seen_at=now.isoformat(), granted_at=None)
    return asking in next_to_start([*others, asking], left, now)


def next_to_start(claims: Sequence[Claim], left: Slots, now: datetime) -> list[Claim]:
    """The claims that are to start now, given all of them and what a scope's jobs leave."""
    living = [claim for claim in claims if not lapsed(claim, now)]
    for claim in living:
        if claim.granted_at:
            left = left.less(claim.servers)
    chosen = []
    for claim in in_line(living):
        if not left.fit(claim.servers):
            break
        chosen.append(claim)
        left = left.less(claim.servers)
    return chosen


def in_line(claims: Iterable[Claim]) -> list[Claim]:
    """The claims that wait, the next to be served first."""
    return sorted((claim for claim in claims if not claim.granted_at), key=_rank)


def lapsed(claim: Claim, now: datetime) -> bool:
    return now - datetime.fromisoformat(claim.seen_at) > LEASE


def _rank(claim: Claim) -> tuple[float, str, tuple[str, str, int]]:
    return (-claim.priority, claim.asked_at, claim.key)
