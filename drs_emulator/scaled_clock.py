"""A clock that runs faster than real time while everything waits, and in real time while something works.

Work takes as long here as on AWS; a wait, a boot or a DRS job does not have to. Simulated time runs ``speed``
times as fast as real time, except while a caller holds ``real_speed`` because it serves a call. Simulated
durations thus do not depend on the speed of the machine.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol

log = logging.getLogger(__name__)


class Timer(Protocol):
    """Real time: how it is read and how a thread waits for it. Tests inject their own."""

    def seconds(self) -> float:
        """Real seconds from any fixed point, never going back."""

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        """Wait on the locked ``condition`` until notified or, unless None, until ``seconds`` have passed."""


class RealTimer:
    """The machine's monotonic clock."""

    def seconds(self) -> float:
        return time.monotonic()

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        condition.wait(seconds)


class ScaledClock:
    """Simulated time for many threads. Due actions run one after another in the clock's own thread.

    ``speed`` is simulated seconds per real second while nothing holds ``real_speed``, greater than zero.
    """

    def __init__(self, speed: float = 1.0, start: datetime | None = None, timer: Timer | None = None) -> None:
        if speed <= 0:
            raise ValueError(f"speed must be greater than 0, not {speed}")
        self.speed = speed
        self.started_at = start or datetime.now(UTC)
        self._timer = timer or RealTimer()
        self._changed = threading.Condition()
        self._simulated = 0.0
        self._real = self._timer.seconds()
        self._running = 0
        self._waits_at = self.speed  # the rate that the clock's thread computed its wait by
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._closed = False
        self._thread: threading.Thread | None = None

    def now(self) -> datetime:
        """The simulated time, UTC."""
        with self._changed:
            return self.started_at + timedelta(seconds=self._catch_up())

    def call_later(self, seconds: float, action: Callable[[], None]) -> None:
        """Run ``action`` once, ``seconds`` of simulated time from now, in the clock's thread.

        An exception of ``action`` is logged and does not stop the clock.
        """
        with self._changed:
            due = self._catch_up() + max(0.0, seconds)
            heapq.heappush(self._due, (due, next(self._order), action))
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="drs-emulator-clock", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    @contextmanager
    def real_speed(self) -> Iterator[None]:
        """Run simulated time at real speed; nests and may be entered by many threads at once."""
        self._count(+1)
        try:
            yield
        finally:
            self._count(-1)

    @property
    def rate(self) -> float:
        """Simulated seconds per real second at this moment."""
        return 1.0 if self._running else self.speed

    def close(self) -> None:
        """End the clock's thread; actions that are not due yet never run."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=5)

    def _count(self, step: int) -> None:
        with self._changed:
            self._catch_up()
            self._running += step
            if self.rate > self._waits_at:  # what is due comes earlier than the clock's thread expects
                self._changed.notify_all()

    def _catch_up(self) -> float:
        """Bring the simulated seconds up to date at the rate since the last call."""
        real = self._timer.seconds()
        self._simulated += (real - self._real) * self.rate
        self._real = real
        return self._simulated

    def _run(self) -> None:
        while (action := self._next_action()) is not None:
            try:
                with self.real_speed():
                    action()
            except Exception:
                log.exception("an action of the clock failed: %r", action)

    def _next_action(self) -> Callable[[], None] | None:
        """Wait for the next due action; None when closed."""
        with self._changed:
            while not self._closed:
                now = self._catch_up()
                if self._due and self._due[0][0] <= now + 1e-9:
                    return heapq.heappop(self._due)[2]
                self._waits_at = self.rate
                left = (self._due[0][0] - now) / self._waits_at if self._due else None
                self._timer.wait(self._changed, left)
            return None
