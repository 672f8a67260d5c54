"""Text that others wrote, before it stands in a mail, a report or a log beside our own."""

from __future__ import annotations

REASON_LIMIT = 300
NAME_LIMIT = 100


def one_line(text: str, limit: int) -> str:
    """``text`` in one line of at most ``limit`` printable characters.

    No line break makes a command of it, no control character hides what stands around it.
    """
    printable = "".join(one if one.isprintable() else " " for one in text)
    line = " ".join(printable.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
