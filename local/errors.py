"""What a command says when it cannot go on."""

from __future__ import annotations

from pathlib import Path

from local.paths import shown


class CommandError(Exception):
    """A command failed. The message says what to do next; ``log`` is what to read, if there is a log."""

    def __init__(self, message: str, *, log: Path | None = None) -> None:
        super().__init__(f"{message}\nRead {shown(log)}" if log else message)
        self.log = log
