"""Operator actions: one item each, written together with all that it changes."""

from __future__ import annotations

from typing import Any

from shared.model.execution import ControlRecord, Effect, ExecutionRecord
from shared.serialization import from_item, to_item
from shared.store.execution_items import ExecutionItems, partition_of
from shared.store.reads import query
from shared.store.server_items import server_key
from shared.store.writes import put_once, set_if, write_together


class ControlItems(ExecutionItems):
    """The operator actions on executions, in a partition of their own: only ControlExecution can write it."""

    def control(self, execution_id: str, control_id: str) -> ControlRecord | None:
        """A message that was recorded, None if there is none of that id."""
        key = {"pk": control_partition(execution_id), "sk": f"CONTROL#{control_id}"}
        item = self._table.get_item(Key=key, ConsistentRead=True).get("Item")
        return from_item(item, ControlRecord) if item else None

    def controls(self, execution_id: str) -> list[ControlRecord]:
        """Every message, the oldest first."""
        items = query(self.table_name, [control_partition(execution_id)], "CONTROL#")
        found = [from_item(item, ControlRecord) for item in items]
        return sorted(found, key=lambda control: (control.at, control.control_id))

    def record_control(self, record: ExecutionRecord, control: ControlRecord, effect: Effect) -> bool:
        """Record a message together with all that it changes, or nothing of it.

        ``record``: the execution as the message was judged by. False if another message came first, or if
        the execution has ended meanwhile: judge again.
        """
        execution_id = record.execution_id
        item = {
            "pk": control_partition(execution_id),
            "sk": f"CONTROL#{control.control_id}",
            **self.expiry(execution_id),
            **to_item(control),
        }
        # A message that is the first finds no counter: fields at their default are not stored.
        seen = "controls = :seen" if record.controls else "attribute_not_exists(controls)"
        values: dict[str, Any] = {":seen": record.controls} if record.controls else {}
        condition, values = f"{seen} AND #status = :status", {**values, ":status": record.status.value}
        changes = {**effect.execution, "controls": record.controls + 1}
        key = {"pk": partition_of(execution_id), "sk": "EXECUTION"}
        operations = [
            put_once(self.table_name, item),
            set_if(self.table_name, key, changes, condition, values),
        ]
        for name, fields in effect.waves.items():
            key = {"pk": partition_of(execution_id), "sk": f"WAVE#{name}"}
            not_over = {":planned": "PLANNED", ":running": "RUNNING"}
            operations.append(
                set_if(self.table_name, key, fields, "#status IN (:planned, :running)", not_over)
            )
        for change in effect.servers:
            key = server_key(execution_id, change.before)
            as_seen = {":seen": change.before.status.value}
            operations.append(set_if(self.table_name, key, change.values, "#status = :seen", as_seen))
        return write_together(operations)


def control_partition(execution_id: str) -> str:
    return f"CONTROL#{execution_id}"
