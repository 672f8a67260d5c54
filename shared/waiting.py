"""How long to wait before looking again: soon at first, less often the longer it takes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from shared.task import parse_time

SHORTEST, LONGEST = 15, 120
"""Seconds."""


def wait_seconds(since: Iterable[str | None], now: datetime) -> int:
    """A tenth of the time that the last of them has waited, so that few looks see an end soon after it."""
    waited = [(now - parse_time(start)).total_seconds() for start in since if start]
    return int(min(LONGEST, max(SHORTEST, min(waited, default=0) / 10)))
