"""The lock of one emulator's state."""

from __future__ import annotations

import threading

from drs_emulator.errors import LockedError


class StateLock:
    """The one lock of an emulator. Re-entrant; knows whether this thread holds it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._owner: int | None = None
        self._depth = 0

    def __enter__(self) -> None:
        self._lock.acquire()
        self._owner = threading.get_ident()
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._owner = None
        self._lock.release()

    def check_free(self, what: str) -> None:
        """Raise LockedError if this thread holds the lock: ``what`` must not wait on it."""
        if self._owner == threading.get_ident():
            raise LockedError(f"{what} under the state lock")
