"""Times on the wire. DRS models them as strings and in fact emits ``2022-12-07T19:15:38.846723+00:00``."""

from __future__ import annotations

from datetime import UTC, datetime


def to_wire(when: datetime) -> str:
    """UTC with microseconds and ``+00:00`` as the real service emits it (observed in the field).

    The pattern in the service model says ``…Z``; clients must read both.
    """
    return when.astimezone(UTC).isoformat(timespec="microseconds")


def from_wire(text: str) -> datetime:
    """Either form, always aware of its time zone."""
    when = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def duration(seconds: float) -> str:
    """An ISO 8601 duration; ``P0D`` for none, as a healthy server's lagDuration reads (observed)."""
    if seconds <= 0:
        return "P0D"
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    text = "P" + (f"{int(days)}D" if days else "")
    clock = (f"{int(hours)}H" if hours else "") + (f"{int(minutes)}M" if minutes else "")
    clock += f"{round(rest, 6):g}S" if rest else ""
    return text + (f"T{clock}" if clock else "")
