"""Times as they stand in state data and items: ISO 8601, UTC."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

_clock: Callable[[], datetime] | None = None


def take_time_from(clock: Callable[[], datetime] | None) -> None:
    """What ``now`` reads from now on; None: the machine's clock."""
    global _clock
    _clock = clock


def now() -> datetime:
    return _clock() if _clock else datetime.now(UTC)


def parse_time(text: str | None) -> datetime:
    """An ISO 8601 time in UTC; without one (a call by hand) the machine's time."""
    if not text:
        return now()
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
