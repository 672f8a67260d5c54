"""Locks in the Executions table: a plan runs once at a time, and a server serves one execution.

A lock names its holder and nothing else; it is released by deleting it, under the holder's name only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from shared.store.reads import read
from shared.store.writes import delete_if, put_if, write, write_one


def plan_lock(plan_name: str) -> str:
    return f"PLAN#{plan_name}"


def preparation_lock(plan_name: str) -> str:
    """Of a preparation alone: executions do not read it."""
    return f"PREPARATION#{plan_name}"


def server_lock(source_server_id: str) -> str:
    return f"SERVER#{source_server_id}"


class LockStore:
    """The locks that executions hold."""

    def __init__(self, table_name: str) -> None:
        self._name = table_name

    def take(self, locks: Sequence[str], execution_id: str, is_over: Callable[[str], bool]) -> dict[str, str]:
        """Take what is free, or locked by an execution that ``is_over``.

        Returns the locks that others hold, with the holder's execution id. Taking twice is harmless.
        """
        puts = [
            put_if(
                self._name,
                {**_key(lock), "holder": execution_id},
                "attribute_not_exists(pk) OR holder = :me",
                {":me": execution_id},
            )
            for lock in locks
        ]
        missed = [lock for lock, taken in zip(locks, write(puts), strict=True) if not taken]
        locked: dict[str, str] = {}
        verdicts: dict[str, bool] = {}
        for lock, holder in self.holders(missed).items():
            if holder not in verdicts:
                verdicts[holder] = is_over(holder)
            if not (verdicts[holder] and self._take_over(lock, holder, execution_id)):
                locked[lock] = holder
        return locked

    def holders(self, locks: Sequence[str]) -> dict[str, str]:
        """The holder of each of these locks; free ones are left out."""
        found = read(self._name, [_key(lock) for lock in locks], consistent=True)
        return {str(item["pk"]).removeprefix("LOCK#"): str(item["holder"]) for item in found}

    def release(self, locks: Iterable[str], execution_id: str) -> None:
        """Release the locks that this execution holds."""
        write([delete_if(self._name, _key(lock), "holder = :me", {":me": execution_id}) for lock in locks])

    def _take_over(self, lock: str, holder: str, execution_id: str) -> bool:
        """Whether it is ours now; taking twice is harmless here too."""
        item = {**_key(lock), "holder": execution_id}
        free = "attribute_not_exists(pk) OR holder IN (:holder, :me)"
        return write_one(put_if(self._name, item, free, {":holder": holder, ":me": execution_id}))


def _key(lock: str) -> dict[str, str]:
    return {"pk": f"LOCK#{lock}", "sk": "LOCK"}
