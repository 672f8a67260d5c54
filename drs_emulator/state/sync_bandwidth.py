"""The bandwidth that initial syncs into one account and Region share equally.

All members get the same, so one number (bytes served to each so far) gives the progress of each:
joining, leaving and finishing cost a heap operation, however many there are.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

_TICK = 2e-6
"""Seconds. The clock counts microseconds: a sync that lacks less has finished."""


class SharedBandwidth:
    """``rate(n)`` is bytes per second for each of n. Called under ``lock``, the state lock."""

    def __init__(
        self,
        now: Callable[[], datetime],
        later: Callable[[float, Callable[[], None]], None],
        rate: Callable[[int], float],
        lock: AbstractContextManager[Any],
    ) -> None:
        self._now, self._later, self._rate, self._lock = now, later, rate, lock
        self._served = 0.0
        """Bytes served to a member present from the start."""
        self._at = now()
        self._members: dict[str, tuple[float, float, Callable[[], None]]] = {}
        """Name → served at the join, served at its end, the action then."""
        self._ends: list[tuple[float, str]] = []
        self._ticket = 0

    def join(self, name: str, size: float, finished: Callable[[], None]) -> None:
        """Start to move ``size`` bytes for ``name``; ``finished`` is called under the lock."""
        self._settle()
        end = self._served + max(0.0, size)
        self._members[name] = (self._served, end, finished)
        heapq.heappush(self._ends, (end, name))
        self._plan()

    def leave(self, name: str) -> None:
        """Leave the share of ``name`` to the others."""
        self._settle()
        if self._members.pop(name, None) is not None:
            self._plan()

    def moved(self, name: str) -> float:
        """Bytes moved for ``name`` since it joined; 0 if it has not."""
        self._settle()
        member = self._members.get(name)
        return min(self._served, member[1]) - member[0] if member else 0.0

    def rate(self) -> float:
        """Bytes per second of each member now."""
        return self._rate(len(self._members))

    def _settle(self) -> None:
        now = self._now()
        seconds = (now - self._at).total_seconds()
        self._at = now
        if self._members and seconds > 0:
            self._served += seconds * self.rate()

    def _plan(self) -> None:
        """Plan the next end; one that was planned before is void."""
        self._ticket += 1
        while self._ends and not self._is_current(*self._ends[0]):
            heapq.heappop(self._ends)
        if self._ends:
            ticket = self._ticket
            seconds = (self._ends[0][0] - self._served) / self.rate()
            self._later(max(0.0, seconds), lambda: self._due(ticket))

    def _is_current(self, end: float, name: str) -> bool:
        member = self._members.get(name)
        return member is not None and member[1] == end

    def _due(self, ticket: int) -> None:
        with self._lock:
            if ticket != self._ticket:
                return
            self._settle()
            finished = []
            near = max(0.5, self.rate() * _TICK)
            while self._ends and self._ends[0][0] <= self._served + near:
                end, name = heapq.heappop(self._ends)
                if self._is_current(end, name):
                    finished.append(self._members.pop(name)[2])
            self._plan()
            for action in finished:
                action()
