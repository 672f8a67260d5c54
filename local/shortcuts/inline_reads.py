"""The reads of several partitions one after the other: in memory, starting threads costs more than reading.

Most executions of the tests have few servers, so that most partitions are empty: those are not asked, but for
the first. Only where a virtual cloud answers; everywhere else all are asked at the same time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from local.shortcuts import ENABLED, dynamodb_queries
from shared.store import reads

_POOL = "ThreadPoolExecutor"
_pool = vars(reads)[_POOL]
_local = threading.local()
_owner = ("", "")


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
            return iter([read(one) if n == 0 or _has_items(one) else [] for n, one in enumerate(arguments)])
        finally:
            _local.is_one_of_many = False


def _has_items(asked: dict[str, Any]) -> bool:
    return any(
        dynamodb_queries.has_items(_owner, asked["TableName"], value)
        for value in asked["ExpressionAttributeValues"].values()
    )


def enter(account: str, region: str) -> None:
    """From now on reads of tables of this account are made in turn; nothing where shortcuts are off."""
    global _owner
    if ENABLED:
        _owner = (account, region)
        vars(reads)[_POOL] = _InTurn


def leave() -> None:
    """Reads are made at the same time again."""
    vars(reads)[_POOL] = _pool


def are_under_way() -> bool:
    """Whether this thread makes one of many reads, which take no time of their own."""
    return getattr(_local, "is_one_of_many", False)
