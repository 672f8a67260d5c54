"""The switch that freezes a plan or all plans: one item each, kept until it is released."""

from __future__ import annotations

from shared.model.freeze import ALL_PLANS, Freeze
from shared.serialization import from_item, to_item
from shared.store.connection import table


class FreezeStore:
    """In the Executions table, in partitions of their own: only FreezePlan can write them."""

    def __init__(self, table_name: str) -> None:
        self._table = table(table_name)

    def of(self, plan: str) -> Freeze | None:
        """What freezes the plan: the freeze of all plans before its own; None if nothing does."""
        for name in (ALL_PLANS, plan):
            item = self._table.get_item(Key=_key(name), ConsistentRead=True).get("Item")
            if item:
                return from_item(item, Freeze)
        return None

    def put(self, freeze: Freeze) -> None:
        """A later one of the same plan takes its place."""
        self._table.put_item(Item={**_key(freeze.plan), **to_item(freeze)})

    def release(self, plan: str) -> bool:
        """Whether there was one."""
        return "Attributes" in self._table.delete_item(Key=_key(plan), ReturnValues="ALL_OLD")


def _key(plan: str) -> dict[str, str]:
    return {"pk": f"FREEZE#{plan}", "sk": "FREEZE"}
