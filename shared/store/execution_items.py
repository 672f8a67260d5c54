"""What all items of an execution share: its partitions and its expiry.

``EXECUTION#<id>`` has what there are few of. Servers and facts about them, of which there are thousands, are
spread over ``EXECUTION#<id>#0`` to ``…#7``: one partition takes 1,000 write units a second (DynamoDB
developer guide, Designing partition keys to distribute your workload).

IAM can allow writes by partition key only (``dynamodb:LeadingKeys``). So what few functions may write has
partitions of its own: decided pairs (``DECIDED#<id>#<n>``), operator actions (``CONTROL#<id>``), and answers
to requests for approval (``APPROVAL#<id>``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from boto3.dynamodb.conditions import ConditionBase

from shared.model.execution import ExecutionRecord
from shared.serialization import from_item
from shared.store.connection import table
from shared.store.reads import query
from shared.store.writes import set_if, write_exactly

SHARDS = 8


class ExecutionNotFoundError(Exception):
    """No execution of that id is recorded."""


class ExecutionItems:
    """Reads and writes in the partitions of an execution, in the Executions table."""

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

    def expiry(self, execution_id: str) -> dict[str, int]:
        """When the execution's items may go, as the table's TTL attribute. Raises ExecutionNotFoundError."""
        return {"expiresAt": int(self._get(execution_id, "EXECUTION")["expiresAt"])}

    def _query(
        self, execution_id: str, prefix: str, *, filter: ConditionBase | None = None
    ) -> list[dict[str, Any]]:
        """Items of a kind of which there are few, the first sort key first."""
        return query(self.table_name, [partition_of(execution_id)], prefix, filter=filter)

    def _query_shards(
        self,
        execution_id: str,
        prefix: str,
        *,
        filter: ConditionBase | None = None,
        fields: Sequence[str] = (),
    ) -> list[dict[str, Any]]:
        """Items of a kind of which there are many, the first sort key first."""
        shards = [f"{partition_of(execution_id)}#{number}" for number in range(SHARDS)]
        return query(self.table_name, shards, prefix, filter=filter, fields=fields)

    def _set(
        self, execution_id: str, sort: str, values: Mapping[str, Any], condition: str, names: dict[str, Any]
    ) -> bool:
        key = {"pk": partition_of(execution_id), "sk": sort}
        return write_exactly(set_if(self.table_name, key, values, condition, names))


def partition_of(execution_id: str) -> str:
    return f"EXECUTION#{execution_id}"


def shard_of(execution_id: str, key: str) -> str:
    """The partition of an item of which there are many. ``key``: its own among those of its kind."""
    return f"{partition_of(execution_id)}#{shard_number(key)}"


def shard_number(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:2]) % SHARDS
