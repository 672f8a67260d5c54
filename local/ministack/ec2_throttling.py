"""EC2's token buckets: how many requests, and how many instances in them, an account may ask for in a Region.

The numbers are those of the EC2 developer guide, Request throttling for the Amazon EC2 API. A refused
request takes no tokens. Not here: the buckets of reads and of all other operations, which the orchestrator
stays far below, and of RunInstances, which it may not call.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from ministack.core.responses import get_account_id, get_region

from local.ministack.ec2_wire import Ec2Error, Params, many


@dataclass(frozen=True, slots=True)
class Size:
    """``capacity`` in tokens, ``refill`` in tokens a second."""

    capacity: float
    refill: float


@dataclass(frozen=True, slots=True)
class Limit:
    """Of one operation: each request takes a token of ``requests``, each instance one of ``resources``."""

    requests: Size
    resources: Size


LIMITS = {
    "StartInstances": Limit(Size(5, 2), Size(1_000, 2)),
    "StopInstances": Limit(Size(50, 5), Size(1_000, 20)),
    "TerminateInstances": Limit(Size(100, 5), Size(1_000, 20)),
}


class Throttling:
    """The buckets of every account and Region. ``now``: seconds by the cloud's clock.

    ``applies``: whether the current request counts; seeding a fleet is to take no tokens.
    """

    def __init__(self, now: Callable[[], float], applies: Callable[[], bool]) -> None:
        self.limits = dict(LIMITS)
        self.refused: Counter[str] = Counter()
        """How many requests of each operation were refused."""
        self._now = now
        self._applies = applies
        self._levels: dict[tuple[str, ...], tuple[float, float]] = {}

    def check(self, operation: str, params: Params) -> None:
        """Take the tokens of a request. Raises Ec2Error (RequestLimitExceeded, HTTP 503) if one lacks."""
        limit = self.limits.get(operation)
        if limit is None or not self._applies():
            return
        place = (get_account_id(), get_region(), operation)
        count = len(many(params, "InstanceId"))
        wanted = (
            ((*place, "requests"), limit.requests, 1.0),
            # More at once than a bucket has passes when it is full: else it never would.
            ((*place, "resources"), limit.resources, min(float(count), limit.resources.capacity)),
        )
        levels = {key: self._level(key, size) for key, size, _ in wanted}
        if any(levels[key] < tokens for key, _, tokens in wanted):
            self.refused[operation] += 1
            raise Ec2Error("RequestLimitExceeded", "Request limit exceeded.", 503)
        for key, _, tokens in wanted:
            self._levels[key] = (levels[key] - tokens, self._now())

    def drain(self, account: str, region: str, operation: str) -> None:
        """Take all tokens of an operation, as another program in the account would."""
        for kind in ("requests", "resources"):
            self._levels[account, region, operation, kind] = (0.0, self._now())

    def _level(self, key: tuple[str, ...], size: Size) -> float:
        level, since = self._levels.get(key, (size.capacity, self._now()))
        return min(size.capacity, level + (self._now() - since) * size.refill)
