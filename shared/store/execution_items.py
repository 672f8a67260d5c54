"""What all items of an execution share: the partition ``EXECUTION#<id>`` and its expiry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from boto3.dynamodb.conditions import ConditionBase, Key

from shared.model.execution import ExecutionRecord
from shared.serialization import from_item
from shared.store.connection import table
from shared.store.writes import set_if, write_one


class ExecutionNotFoundError(Exception):
    """No execution of that id is recorded."""


class ExecutionItems:
    """Reads and writes in the partition of an execution, in the Executions table."""

    def __init__(self, table_name: str) -> None:
        self.table_name = table_name
        self._table = table(table_name)

    def execution(self, execution_id: str) -> ExecutionRecord:
        """Raises ExecutionNotFoundError."""
        return from_item(self._get(execution_id, "EXECUTION"), ExecutionRecord)

    def _get(self, execution_id: str, sort: str) -> dict[str, Any]:
        answer = self._table.get_item(Key={"pk": partition_of(execution_id), "sk": sort}, ConsistentRead=True)
        if "Item" not in answer:
            item = "" if sort in ("EXECUTION", "PLAN") else f" with an item {sort!r}"
            raise ExecutionNotFoundError(f"No execution {execution_id!r}{item} in table {self.table_name}.")
        return dict(answer["Item"])

    def _expiry(self, execution_id: str) -> dict[str, int]:
        """When the execution's items may go, as the table's TTL attribute. Raises ExecutionNotFoundError."""
        return {"expiresAt": int(self._get(execution_id, "EXECUTION")["expiresAt"])}

    def _query(
        self,
        execution_id: str,
        prefix: str,
        *,
        filter: ConditionBase | None = None,
        fields: Sequence[str] = (),
    ) -> list[dict[str, Any]]:
        condition = Key("pk").eq(partition_of(execution_id)) & Key("sk").begins_with(prefix)
        arguments: dict[str, Any] = {"KeyConditionExpression": condition, "ConsistentRead": True}
        if filter is not None:
            arguments["FilterExpression"] = filter
        if fields:
            # By other names: many words are reserved, "status" among them.
            arguments["ProjectionExpression"] = ", ".join(f"#{field}" for field in fields)
            arguments["ExpressionAttributeNames"] = {f"#{field}": field for field in fields}
        items: list[dict[str, Any]] = []
        while True:
            answer = self._table.query(**arguments)
            items += answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return items
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _set(
        self, execution_id: str, sort: str, values: dict[str, Any], condition: str, names: dict[str, Any]
    ) -> bool:
        key = {"pk": partition_of(execution_id), "sk": sort}
        return write_one(set_if(self.table_name, key, values, condition, names))


def partition_of(execution_id: str) -> str:
    return f"EXECUTION#{execution_id}"
