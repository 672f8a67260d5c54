"""The reads of several partitions one after the other: in memory, starting threads costs more than reading.

Only where a virtual cloud answers; everywhere else they are under way at the same time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from local.shortcuts import ENABLED
from shared.store import reads

_pool: Any = reads.ThreadPoolExecutor
_local = threading.local()


class _InTurn:
    """What ``shared.store.reads`` uses of a ThreadPoolExecutor."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def __enter__(self) -> _InTurn:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def map(self, read: Callable[[Any], Any], arguments: Iterable[Any]) -> Iterator[Any]:
        _local.is_one_of_many = True
        try:
            return iter([read(one) for one in arguments])
        finally:
            _local.is_one_of_many = False


def enter() -> None:
    """From now on reads are made in turn; nothing where shortcuts are off."""
    if ENABLED:
        reads.ThreadPoolExecutor = _InTurn  # type: ignore[misc, assignment]


def leave() -> None:
    """Reads are made at the same time again."""
    reads.ThreadPoolExecutor = _pool


def are_under_way() -> bool:
    """Whether this thread makes one of many reads, which take no time of their own."""
    return getattr(_local, "is_one_of_many", False)
