"""When operators are reminded of what waits for them: after 10, 30 and 60 minutes, then every hour."""

from __future__ import annotations

from datetime import datetime

FIRST = (600, 1800, 3600)
HOUR = 3600


def reminders_due(waited_seconds: float) -> int:
    """How many reminders are due by then."""
    if waited_seconds < FIRST[-1]:
        return sum(waited_seconds >= mark for mark in FIRST)
    return len(FIRST) - 1 + int(waited_seconds // HOUR)


def latest_due(waited_seconds: float) -> int | None:
    """After how many seconds the latest one was due; None: none was."""
    if waited_seconds >= HOUR:
        return int(waited_seconds // HOUR) * HOUR
    return max((mark for mark in FIRST if mark <= waited_seconds), default=None)


def until_next(waited_seconds: float) -> int:
    """Seconds until the next one; at least 1."""
    due = next((mark for mark in FIRST if mark > waited_seconds), None)
    mark = due if due is not None else (int(waited_seconds // HOUR) + 1) * HOUR
    return max(1, round(mark - waited_seconds))


def is_due(since: datetime, last: datetime, now: datetime) -> bool:
    """Whether one has become due since the ``last`` message about what waits ``since``."""
    return reminders_due((now - since).total_seconds()) > reminders_due((last - since).total_seconds())
