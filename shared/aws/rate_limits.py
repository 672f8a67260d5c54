"""Parallel calls, but no faster than an API is thought to bear: a token bucket for each API and scope.

botocore's own rate limiting (``retries={"mode": "adaptive"}``) was tried and is not enough: it begins
only after the first refusal, has one bucket for all operations of a client, and its rate cannot be set. DRS
publishes no rates, so that ours are settings.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock
from typing import Protocol, TypeVar

from shared.model.scope import Scope
from shared.settings import PacingSettings

THREADS = 10
"""Calls at once: what public tools found to be safe."""

OF_EC2 = {"StartInstances": 2.0}
"""Calls a second that EC2's bucket is filled with (EC2 developer guide, Request throttling)."""

A = TypeVar("A")
B = TypeVar("B")


class Clock(Protocol):
    """Where pacing takes its time from."""

    def now(self) -> float:
        """Seconds since any moment."""

    def sleep(self, seconds: float) -> None:
        """Let so much time pass."""


class _RealClock:
    now = staticmethod(time.monotonic)
    sleep = staticmethod(time.sleep)


@dataclass(slots=True)
class Bucket:
    """Holds at most a second's worth of tokens, and is full at first. ``rate``: tokens per second."""

    rate: float
    tokens: float
    filled_at: float

    @classmethod
    def full(cls, rate: float, now: float) -> Bucket:
        return cls(rate, max(1.0, rate), now)

    def take(self, now: float, amount: int = 1) -> float:
        """Take tokens, from the future too; gives the seconds to wait until they are there."""
        passed = max(0.0, now - self.filled_at)
        self.tokens = min(max(1.0, self.rate), self.tokens + passed * self.rate) - amount
        self.filled_at = max(now, self.filled_at)
        return max(0.0, -self.tokens / self.rate)


class Pace:
    """The buckets of this process, shared by its threads."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._buckets: dict[tuple[str, Scope], Bucket] = {}
        self._lock = Lock()

    def wait(self, api: str, scope: Scope, calls: int = 1) -> None:
        """Wait until so many calls of an operation may be made in a scope."""
        rate = OF_EC2.get(api) or PacingSettings.from_env().rate(api)
        with self._lock:
            now = self.clock.now()
            bucket = self._buckets.setdefault((api, scope), Bucket.full(rate, now))
            seconds = bucket.take(now, calls)
        if seconds > 0:
            self.clock.sleep(seconds)


_pace = Pace(_RealClock())


def keep_time(clock: Clock | None) -> None:
    """Take the time from ``clock`` from now on, with all buckets full; None: from the machine."""
    global _pace
    _pace = Pace(clock or _RealClock())


def pace(api: str, scope: Scope) -> None:
    """Wait until a call of an operation may be made in a scope."""
    _pace.wait(api, scope)


def pause(seconds: float) -> None:
    """Let so much time pass before a call that was throttled is repeated."""
    _pace.clock.sleep(seconds)


def time_now() -> float:
    """Seconds since any moment, by the clock that paces calls."""
    return _pace.clock.now()


def in_parallel(
    call: Callable[[A], B],
    items: Sequence[A],
    *,
    api: str,
    scope: Callable[[A], Scope],
    calls: Callable[[A], int] = lambda item: 1,
) -> list[B]:
    """``call`` of every item, ten at a time, in the order of ``items``. Raises what the first one raised.

    ``calls``: how many calls of the operation ``api`` it takes. Who waits is the caller, before it hands an
    item to a thread, so that no thread holds a place while it waits.
    """
    pace = _pace
    with ThreadPoolExecutor(THREADS) as pool:
        futures = []
        for item in items:
            pace.wait(api, scope(item), calls(item))
            futures.append(pool.submit(call, item))
        return [future.result() for future in futures]
