"""What calls of DynamoDB cost, item by item, in read and write units.

A unit is 1 KB written or 4 KB read, in transactions 512 bytes or 2 KB (DynamoDB developer guide, Read and
write capacity).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ministack.services import dynamodb

WRITES, READS = "WriteUnitsPerSecond", "ReadUnitsPerSecond"
UNIT = {WRITES: 1_024, READS: 4_096}

Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one item costs. ``key``: None where the cost is the table's alone."""

    table: str
    key: str | None
    unit: str
    units: float


def units_of(unit: str, size: int) -> int:
    return max(1, -(-size // UNIT[unit]))


def write_cost(name: str, operation: str, asked: Mapping[str, Any]) -> Cost | None:
    """Of the larger of the item before and after; an update is taken to add all of its values."""
    table = dynamodb._tables.get(name)
    if table is None:
        return None
    item = asked.get("Item")
    key = item if item is not None else asked.get("Key", {})
    before = dynamodb._get_item_by_key(table, key)
    size = dynamodb._item_size_bytes(before) if before else 0
    if item is not None:
        size = max(size, dynamodb._item_size_bytes(item))
    elif operation == "Update":
        size += dynamodb._item_size_bytes(asked.get("ExpressionAttributeValues", {}))
    return Cost(name, key_of(table, key), WRITES, units_of(WRITES, size))


def read_cost(name: str, key: Data, consistent: bool) -> Cost | None:
    table = dynamodb._tables.get(name)
    if table is None:
        return None
    found = dynamodb._get_item_by_key(table, key)
    units = units_of(READS, dynamodb._item_size_bytes(found) if found else 0)
    return Cost(name, key_of(table, key), READS, units if consistent else units / 2)


def key_of(table: Data, item: Mapping[str, Any]) -> str:
    return str(item.get(table["pk_name"]))


def transacted(member: Data) -> Cost | None:
    [(kind, asked)] = member.items()
    cost = write_cost(asked.get("TableName", ""), kind, asked)
    return cost and Cost(cost.table, cost.key, cost.unit, 2 * cost.units)


def put_or_delete(name: str, request: Data) -> Cost | None:
    [(kind, asked)] = request.items()
    return write_cost(name, kind.removesuffix("Request"), asked)
