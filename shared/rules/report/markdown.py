"""Markdown that reads well in a terminal, a mail and a browser."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shared.rules.text import one_line

_CELL_LIMIT = 2000
_NAMED = 10
"""So many servers a warning names."""


def section(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A heading with a table; nothing when there are no rows."""
    lines = ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    if not lines:
        return ""
    head = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join([f"## {title}", "", *head, *lines])


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return one_line(text, _CELL_LIMIT).replace("|", "\\|")


def duration(seconds: float) -> str:
    """``3725`` as ``1 h 2 min 5 s``."""
    hours, rest = divmod(round(seconds), 3600)
    minutes, left = divmod(rest, 60)
    parts = [(hours, "h"), (minutes, "min"), (left, "s")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"


def names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
