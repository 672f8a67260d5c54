"""Simulated time: one clock for the emulator and all that it works with.

``ManualClock`` serves tests, ``scaled_clock.ScaledClock`` running servers. No other module reads the
machine's clock.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Simulated time, in UTC and in simulated seconds."""

    def now(self) -> datetime:
        """The simulated time."""

    def call_later(self, seconds: float, action: Callable[[], None]) -> None:
        """Run ``action`` once, ``seconds`` of simulated time from now, after what was due before it."""


class ManualClock:
    """A clock that moves on demand. Due actions run in the caller's thread, in order of their time."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now = start
        self._due: list[tuple[datetime, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._lock = threading.RLock()

    def now(self) -> datetime:
        return self._now

    def call_later(self, seconds: float, action: Callable[[], None]) -> None:
        with self._lock:
            when = self._now + timedelta(seconds=max(0.0, seconds))
            heapq.heappush(self._due, (when, next(self._order), action))

    def next_due(self) -> datetime | None:
        """When the next action is due, or None."""
        with self._lock:
            return self._due[0][0] if self._due else None

    def advance(self, seconds: float) -> None:
        """Move on by ``seconds``, running each action at its own time."""
        self.advance_to(self._now + timedelta(seconds=seconds))

    def advance_to(self, when: datetime) -> None:
        while True:
            with self._lock:
                if not self._due or self._due[0][0] > when:
                    self._now = max(self._now, when)
                    return
                due, _, action = heapq.heappop(self._due)
                self._now = max(self._now, due)
            action()


class OtherClock:
    """A clock that follows another at an offset, ``ahead``."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.ahead = timedelta()

    def now(self) -> datetime:
        return self._clock.now() + self.ahead

    def call_later(self, seconds: float, action: Callable[[], None]) -> None:
        self._clock.call_later(seconds, action)
