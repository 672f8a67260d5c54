"""Lets MiniStack's DynamoDB find the items of a query by prefix, where it reads the whole partition.

An execution of 1,000 servers is a partition of several thousand items, and is asked for its ten waves, its
jobs, or one wave's servers thousands of times. Queries of the one form that is in use, with filters for equal
or other strings, are answered here, from sorted keys beside each partition; all others go MiniStack's way.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice, takewhile
from typing import Any

from ministack.core.responses import json_response, set_request_account_id, set_request_region
from ministack.services import dynamodb

from local.shortcuts import ENABLED
from local.shortcuts.hooks import TABLE

_DYNAMODB = "ministack.services.dynamodb"
_PREFIX = re.compile(r"\((#\w+) = (:\w+) AND begins_with\((#\w+), (:\w+)\)\)")
"""``Key(…).eq(…) & Key(…).begins_with(…)`` as boto3 writes it."""
_TERM = re.compile(r"(#\w+) (?:(=|<>) (:\w+)|IN \((:\w+(?:, :\w+)*)\))")
"""``Attr(…).eq(…)``, ``Attr(…).ne(…)`` and ``Attr(…).is_in(…)``."""
_ALL_OF = re.compile(r"[()]*T[()]*(?: AND [()]*T[()]*)*")
"""Terms of which every one has to hold."""
_KNOWN = {
    "TableName",
    "KeyConditionExpression",
    "FilterExpression",
    "ProjectionExpression",
    "ExpressionAttributeNames",
    "ExpressionAttributeValues",
    "ConsistentRead",
    "ExclusiveStartKey",
    "Limit",
}
_SORTED = "_sorted_sort_keys"
"""Where a table keeps them, by partition; made when a partition is first asked for, kept by every write."""
_SIZES = "_item_sizes"
"""Where a table keeps how large its items are, by partition and sort key, since they were last asked for."""

Item = dict[str, Any]
Filter = tuple[tuple[str, tuple[Any, ...], bool], ...]
"""Attributes, with values, and whether each must have one of these or none."""


@cache
def install() -> None:
    """Replace MiniStack's Query and what keeps its items, once per process."""
    if ENABLED:
        _Queries()


@dataclass(frozen=True, slots=True)
class _Asked:
    table: dict[str, Any]
    partition: str
    prefix: str
    filter: Filter
    fields: tuple[str, ...]
    after: str | None

    def keys(self) -> list[str]:
        """The sort keys of the items that are read."""
        known = _sorted_keys(self.table, self.partition)
        start = bisect_left(known, self.prefix) if self.after is None else bisect_right(known, self.after)
        return list(takewhile(lambda key: key.startswith(self.prefix), islice(known, start, None)))

    def passes(self, item: Item) -> bool:
        return all((item.get(name) in values) is wanted for name, values, wanted in self.filter)

    def shown(self, item: Item) -> Item:
        return {name: item[name] for name in self.fields if name in item} if self.fields else item


def bytes_read(data: dict[str, Any]) -> int | None:
    """How much a query makes DynamoDB read, also what its filter holds back; None if that is not known,
    or the shortcuts are off, which keep the sizes.

    ``data``: its parameters, of a caller in whose account and Region this runs.
    """
    asked = _asked(data) if ENABLED else None
    return None if asked is None else sum(_sizes(asked.table, asked.partition, asked.keys()))


def has_items(owner: tuple[str, str], table: str, partition: str) -> bool:
    """Whether a partition of a table is not empty; ``owner``: its account and Region."""
    set_request_account_id(owner[0])
    set_request_region(owner[1])
    found = dynamodb._tables.get(table)
    return found is not None and bool(found["items"].get(partition))


class _Queries:
    """What stands in the place of MiniStack's functions, in front of them."""

    def __init__(self) -> None:
        self._query = TABLE.replace(_DYNAMODB, "_query", self.query)
        self._set_item = TABLE.replace(_DYNAMODB, "_set_item", self.set_item)
        self._remove_item = TABLE.replace(_DYNAMODB, "_remove_item", self.remove_item)
        self._items_replaced = TABLE.replace(_DYNAMODB, "_items_replaced", self.items_replaced)

    def query(self, data: dict[str, Any]) -> Any:
        asked = _asked(data)
        if asked is None:
            return self._query(data)
        return _answer(asked, asked.keys(), data.get("Limit"))

    def set_item(self, table: dict[str, Any], pk_val: Any, sk_val: Any, item: Any) -> Any:
        keys = table.get(_SORTED, {}).get(pk_val)
        if keys is not None and sk_val not in table["items"].get(pk_val, ()):
            insort(keys, sk_val)
        _forget_size(table, pk_val, sk_val)
        return self._set_item(table, pk_val, sk_val, item)

    def remove_item(self, table: dict[str, Any], pk_val: Any, sk_val: Any) -> Any:
        keys = table.get(_SORTED, {}).get(pk_val)
        if keys is not None and sk_val in table["items"].get(pk_val, ()):
            del keys[bisect_left(keys, sk_val)]
        _forget_size(table, pk_val, sk_val)
        return self._remove_item(table, pk_val, sk_val)

    def items_replaced(self, table: dict[str, Any]) -> Any:
        table.pop(_SORTED, None)
        table.pop(_SIZES, None)
        return self._items_replaced(table)


def _answer(asked: _Asked, keys: Sequence[str], limit: int | None) -> Any:
    """All of the items, or as many as fit into a page: of what is read, not of what passes the filter."""
    table = asked.table
    bucket = table["items"].get(asked.partition, {})
    count, more = _page(_sizes(table, asked.partition, keys), limit)
    read = [bucket[key] for key in keys[:count]]
    found = [asked.shown(item) for item in read if asked.passes(item)]
    result = {"Items": found, "Count": len(found), "ScannedCount": len(read)}
    if more and read:
        result["LastEvaluatedKey"] = dynamodb._build_key(read[-1], table["pk_name"], table["sk_name"])
    return json_response(result)


def _page(sizes: Iterable[int], limit: int | None) -> tuple[int, bool]:
    """How many items of these sizes one page reads, and whether it ends before there are no more.

    It does at the limit, and where the megabyte is full (DynamoDB API reference, Query).
    """
    count = total = 0
    for size in sizes:
        if count and total + size > dynamodb._DDB_PAGE_SIZE_BYTES:
            return count, True
        count, total = count + 1, total + size
        if count == limit or total >= dynamodb._DDB_PAGE_SIZE_BYTES:
            return count, True
    return count, False


def _asked(data: dict[str, Any]) -> _Asked | None:
    """What a query asks for; None for what is not wholly of the usual form."""
    form = _PREFIX.fullmatch(data.get("KeyConditionExpression", ""))
    table = dynamodb._tables.get(data.get("TableName"))
    filter_ = _filter(data)
    if form is None or table is None or filter_ is None or not data.keys() <= _KNOWN:
        return None
    names, values = data.get("ExpressionAttributeNames", {}), data.get("ExpressionAttributeValues", {})
    partition_name, partition_value, sort_name, sort_value = form.groups()
    shown = [name for name in data.get("ProjectionExpression", "").split(", ") if name]
    used_names = {partition_name, sort_name, *shown, *(name for name, _, _ in filter_)}
    used_values = {partition_value, sort_value, *(value for _, several, _ in filter_ for value in several)}
    if (used_names, used_values) != (names.keys(), values.keys()):
        return None
    keys = names[partition_name], names[sort_name]
    partition, prefix = values[partition_value].get("S"), values[sort_value].get("S")
    if keys != (table["pk_name"], table["sk_name"]) or dynamodb._get_attr_type(table, keys[1]) != "S":
        return None
    named = tuple(
        (names[name], tuple(values[value] for value in several), wanted) for name, several, wanted in filter_
    )
    after = data.get("ExclusiveStartKey", {}).get(keys[1], {}).get("S")
    if not (partition and prefix and _is_usual(named, keys) and _is_page(data, prefix, after)):
        return None
    return _Asked(table, partition, prefix, named, tuple(names[name] for name in shown), after)


def _filter(data: dict[str, Any]) -> list[tuple[str, list[str], bool]] | None:
    """The filter's terms: a name's and its values' placeholders, and whether one must match or none.

    None for a filter that is not a number of such terms, all of which have to hold.
    """
    condition = data.get("FilterExpression", "")
    if condition and not _ALL_OF.fullmatch(_TERM.sub("T", condition)):
        return None
    return [
        (name, [one] if one else several.split(", "), sign != "<>")
        for name, sign, one, several in _TERM.findall(condition)
    ]


def _is_usual(filter_: Filter, keys: tuple[str, str]) -> bool:
    return all(
        name not in keys and all(_is_plain(value) for value in several) for name, several, _ in filter_
    )


def _is_page(data: dict[str, Any], prefix: str, after: str | None) -> bool:
    """Whether the page that is asked for begins within the prefix, and has a size."""
    begins = "ExclusiveStartKey" not in data or (after is not None and after.startswith(prefix))
    return begins and data.get("Limit", 1) > 0


def _is_plain(value: dict[str, str]) -> bool:
    """Whether what equals it in DynamoDB equals it here: strings, and whole numbers as boto3 writes them."""
    return "S" in value or value.get("N", "").lstrip("-").isdecimal()


def _sizes(table: dict[str, Any], partition: str, keys: Sequence[str]) -> Iterator[int]:
    known: dict[str, int] = table.setdefault(_SIZES, {}).setdefault(partition, {})
    bucket = table["items"].get(partition, {})
    for key in keys:
        if key not in known:
            known[key] = dynamodb._item_size_bytes(bucket[key])
        yield known[key]


def _forget_size(table: dict[str, Any], partition: Any, key: Any) -> None:
    table.get(_SIZES, {}).get(partition, {}).pop(key, None)


def _sorted_keys(table: dict[str, Any], partition: str) -> list[str]:
    """DynamoDB sorts strings by their UTF-8 bytes, which is the order of their code points."""
    known: dict[str, list[str]] = table.setdefault(_SORTED, {})
    if partition not in known:
        known[partition] = sorted(table["items"].get(partition, ()))
    return known[partition]
