"""Lets MiniStack's DynamoDB find the items of a query by prefix, where it reads the whole partition.

An execution of 1,000 servers is a partition of several thousand items, and is asked for its ten waves, its
jobs, or one wave's servers thousands of times. Queries of the one form that is in use are answered here,
from sorted keys beside each partition; all others go MiniStack's way.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right, insort
from functools import cache
from itertools import islice, takewhile
from typing import Any

from ministack.core.responses import json_response
from ministack.services import dynamodb

from local.cloud import hooks

_DYNAMODB = "ministack.services.dynamodb"
_PREFIX = re.compile(r"\((#\w+) = (:\w+) AND begins_with\((#\w+), (:\w+)\)\)")
"""``Key(…).eq(…) & Key(…).begins_with(…)`` as boto3 writes it."""
_KNOWN = {
    "TableName",
    "KeyConditionExpression",
    "ExpressionAttributeNames",
    "ExpressionAttributeValues",
    "ConsistentRead",
    "ExclusiveStartKey",
    "Limit",
}
_SORTED = "_sorted_sort_keys"
"""Where a table keeps them, by partition; made when a partition is first asked for, kept by every write."""


@cache
def install() -> None:
    """Replace MiniStack's Query and what keeps its items, once per process."""
    _Queries()


class _Queries:
    """What stands in the place of MiniStack's functions, in front of them."""

    def __init__(self) -> None:
        self._query = hooks.replace(_DYNAMODB, "_query", self.query)
        self._set_item = hooks.replace(_DYNAMODB, "_set_item", self.set_item)
        self._remove_item = hooks.replace(_DYNAMODB, "_remove_item", self.remove_item)
        self._items_replaced = hooks.replace(_DYNAMODB, "_items_replaced", self.items_replaced)

    def query(self, data: dict[str, Any]) -> Any:
        asked = _asked(data)
        if asked is None:
            return self._query(data)
        table, partition, prefix = asked
        keys = _sorted_keys(table, partition)
        start = bisect_left(keys, prefix)
        if "ExclusiveStartKey" in data:
            start = bisect_right(keys, data["ExclusiveStartKey"][table["sk_name"]]["S"])
        bucket = table["items"].get(partition, {})
        inside = takewhile(lambda key: key.startswith(prefix), islice(keys, start, None))
        return _answer(table, [bucket[key] for key in inside], data.get("Limit"))

    def set_item(self, table: dict[str, Any], pk_val: Any, sk_val: Any, item: Any) -> Any:
        keys = table.get(_SORTED, {}).get(pk_val)
        if keys is not None and sk_val not in table["items"].get(pk_val, ()):
            insort(keys, sk_val)
        return self._set_item(table, pk_val, sk_val, item)

    def remove_item(self, table: dict[str, Any], pk_val: Any, sk_val: Any) -> Any:
        keys = table.get(_SORTED, {}).get(pk_val)
        if keys is not None and sk_val in table["items"].get(pk_val, ()):
            del keys[bisect_left(keys, sk_val)]
        return self._remove_item(table, pk_val, sk_val)

    def items_replaced(self, table: dict[str, Any]) -> Any:
        table.pop(_SORTED, None)
        return self._items_replaced(table)


def _answer(table: dict[str, Any], items: list[dict[str, Any]], limit: int | None) -> Any:
    """All of ``items``, or as many as fit into a page; JSON is never shorter than what DynamoDB counts."""
    found, more = items, False
    response = json_response({"Items": found, "Count": len(found), "ScannedCount": len(found)})
    if limit is not None or len(response[2]) > dynamodb._DDB_PAGE_SIZE_BYTES:
        found, more = dynamodb._paginate_evaluated_items(items, limit, table)
        result = {"Items": found, "Count": len(found), "ScannedCount": len(found)}
        if more and found:
            result["LastEvaluatedKey"] = dynamodb._build_key(found[-1], table["pk_name"], table["sk_name"])
        response = json_response(result)
    return response


def _asked(data: dict[str, Any]) -> tuple[dict[str, Any], str, str] | None:
    """The table, the partition and the prefix; None for what is not wholly of the usual form."""
    form = _PREFIX.fullmatch(data.get("KeyConditionExpression", ""))
    names, values = data.get("ExpressionAttributeNames", {}), data.get("ExpressionAttributeValues", {})
    table = dynamodb._tables.get(data.get("TableName"))
    if form is None or table is None or not data.keys() <= _KNOWN or (len(names), len(values)) != (2, 2):
        return None
    partition_name, partition_value, sort_name, sort_value = form.groups()
    asked = (names.get(partition_name), names.get(sort_name))
    partition, prefix = (values.get(name, {}).get("S") for name in (partition_value, sort_value))
    begin = data.get("ExclusiveStartKey", {}).get(table["sk_name"], {}).get("S")
    usual = (
        asked == (table["pk_name"], table["sk_name"])
        and dynamodb._get_attr_type(table, asked[1]) == "S"
        and partition
        and prefix
        and ("ExclusiveStartKey" not in data or (begin is not None and begin.startswith(prefix)))
        and data.get("Limit", 1) > 0
    )
    return (table, partition, prefix) if usual else None


def _sorted_keys(table: dict[str, Any], partition: str) -> list[str]:
    """DynamoDB sorts strings by their UTF-8 bytes, which is the order of their code points."""
    known: dict[str, list[str]] = table.setdefault(_SORTED, {})
    if partition not in known:
        known[partition] = sorted(table["items"].get(partition, ()))
    return known[partition]
