"""Times in the context object and the history come from the installed clock, in the form AWS gives them."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Any

from local.states.runtime import current


def iso(moment: datetime) -> str:
    """``2026-01-01T00:00:00.000Z``, as the context object has it (Step Functions guide)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


class _ClockDatetime(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        moment = current().clock.now()
        return moment.astimezone(tz) if tz is not None else moment.astimezone(UTC).replace(tzinfo=None)


class DatetimeModule:
    """Stands where the interpreter imported ``datetime``; only ``now`` differs."""

    datetime = _ClockDatetime
    timezone = __import__("datetime").timezone
    timedelta = __import__("datetime").timedelta
    date = __import__("datetime").date


def state_data(EnteredTime: str, Name: str) -> dict[str, Any]:
    """``$states.context.State``: the interpreter passes the machine's time, which is replaced."""
    return {"EnteredTime": iso(current().clock.now()), "Name": Name, "RetryCount": 0}
