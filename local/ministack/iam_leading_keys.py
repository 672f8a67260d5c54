"""``dynamodb:LeadingKeys``: the partition keys that a request writes (Service Authorization Reference).

Reads get none here, so that a policy which limits them by keys grants them where ``ForAllValues`` is used.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

_SINGLE = ("PutItem", "UpdateItem", "DeleteItem")
_IN_TRANSACTION = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem"}

Written = dict[tuple[str, str], list[str]]
"""Values of partition keys by IAM action, such as ``dynamodb:PutItem``, and table name."""


def written_keys(operation: str, body: bytes, partition_key: Callable[[str], str | None]) -> Written:
    """The keys that a request writes. ``partition_key``: the name of that attribute of a table."""
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return {}
    found: Written = {}
    for name, table, item in _writes(operation, request):
        value = item.get(partition_key(table) or "", {})
        found.setdefault((f"dynamodb:{name}", table), []).extend(map(str, value.values()))
    return found


def _writes(operation: str, request: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(operation, table, item or key) of every write."""
    if operation in _SINGLE:
        yield operation, request["TableName"], request.get("Item") or request.get("Key") or {}
    elif operation == "BatchWriteItem":
        for table, writes in request["RequestItems"].items():
            for write in writes:
                for one in write.values():
                    yield operation, table, one.get("Item") or one.get("Key") or {}
    elif operation == "TransactWriteItems":
        for member in request["TransactItems"]:
            for kind, one in member.items():
                if kind in _IN_TRANSACTION:
                    key = one.get("Item") or one.get("Key") or {}
                    yield _IN_TRANSACTION[kind], one["TableName"], key
