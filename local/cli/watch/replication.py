"""How far the reverse replication and the re-protection of a failback are, from its servers' records."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from shared.model.server import ServerRecord
from shared.model.status import Protection, ServerStatus

_ON_THE_WAY = (ServerStatus.REVERSING, ServerStatus.REPLICATING)
_MARKS = 8


@dataclass(frozen=True, slots=True)
class Replication:
    """Of the servers that are, or were, replicated to the origin. Bytes of all of them together.

    ``replicated`` counts those whose copy is new enough, or that are further.
    """

    servers: int
    replicated: int
    bytes_total: int
    bytes_replicated: int
    stalled: tuple[ServerRecord, ...]

    @property
    def done(self) -> bool:
        return self.replicated == self.servers

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.bytes_replicated / self.bytes_total if self.bytes_total else 0.0


def replication(servers: Iterable[ServerRecord]) -> Replication | None:
    """None while no server is being reversed, as in every failover."""
    reversed_ = [
        server
        for server in servers
        if server.failback.reversed_server_id or server.status is ServerStatus.REVERSING
    ]
    if not reversed_:
        return None
    return Replication(
        servers=len(reversed_),
        replicated=sum(server.status not in _ON_THE_WAY for server in reversed_),
        bytes_total=sum(server.failback.bytes_total for server in reversed_),
        bytes_replicated=sum(server.failback.bytes_replicated for server in reversed_),
        stalled=tuple(
            server for server in reversed_ if server.failback.stalled_since and server.status in _ON_THE_WAY
        ),
    )


def protections(servers: Iterable[ServerRecord]) -> Counter[Protection]:
    """How far the servers that failed back are on their way to being protected, by how many."""
    return Counter(server.failback.protection for server in servers if server.failback.protection is not None)


class Pace:
    """How fast bytes arrive, from the last few changes that were seen. Records change with every poll of the
    workflow, every few minutes: most snapshots in between show nothing new."""

    def __init__(self) -> None:
        self._marks: deque[tuple[datetime, int]] = deque(maxlen=_MARKS)

    def seconds_left(self, now: datetime, seen: Replication | None) -> float | None:
        """Simulated seconds until all bytes are there at the pace so far; None while that is unknown."""
        if seen is None or seen.done:
            return None
        if not self._marks or self._marks[-1][1] != seen.bytes_replicated:
            self._marks.append((now, seen.bytes_replicated))
        (began, before), (last, latest) = self._marks[0], self._marks[-1]
        seconds = (last - began).total_seconds()
        if seconds <= 0 or latest <= before:
            return None
        left = (seen.bytes_total - latest) * seconds / (latest - before)
        return max(0.0, left - (now - last).total_seconds())
