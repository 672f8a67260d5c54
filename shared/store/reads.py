"""Reads of many items: by their keys, or by a prefix in several partitions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

from boto3.dynamodb.conditions import ConditionBase, ConditionExpressionBuilder, Key

from shared.store.connection import dynamodb, pause_for_leftovers

KEYS_PER_CALL = 100
"""BatchGetItem takes at most 100 keys (DynamoDB API reference)."""


def read(table: str, keys: Sequence[dict[str, str]], *, consistent: bool = False) -> Iterator[dict[str, Any]]:
    """The items with these keys, in no order; missing ones are left out."""
    for start in range(0, len(keys), KEYS_PER_CALL):
        asked = {"Keys": keys[start : start + KEYS_PER_CALL], "ConsistentRead": consistent}
        wanted: dict[str, Any] = {table: asked}
        for attempts in count(1):
            answer = dynamodb().batch_get_item(RequestItems=wanted)
            yield from answer["Responses"].get(table, [])
            wanted = dict(answer.get("UnprocessedKeys", {}))
            if not wanted:
                break
            pause_for_leftovers(attempts, "BatchGetItem")


def query(
    table: str,
    partitions: Sequence[str],
    prefix: str,
    *,
    filter: ConditionBase | None = None,
    fields: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """The items of these partitions whose sort key has the prefix, in the order of their sort keys.

    Consistent reads, of all partitions at once. ``fields``: no more of each item than these and its sort key.
    """
    asked = _arguments(table, partitions, prefix, filter, fields)
    if len(asked) == 1:
        return _pages(asked[0])
    # The caller only waits: in virtual time another function would have its turn, and the threads' calls.
    with ThreadPoolExecutor(len(asked)) as pool:
        found = [item for items in pool.map(_pages, asked) for item in items]
    return sorted(found, key=lambda item: str(item["sk"]))


def _arguments(
    table: str, partitions: Sequence[str], prefix: str, filter: ConditionBase | None, fields: Sequence[str]
) -> list[dict[str, Any]]:
    """The parameters of a query in each partition, built once: boto3 has one builder for all threads."""
    builder = ConditionExpressionBuilder()
    key = builder.build_expression(Key("pk").eq("") & Key("sk").begins_with(prefix), True)
    [partition] = [name for name, value in key.attribute_value_placeholders.items() if value == ""]
    arguments: dict[str, Any] = {
        "TableName": table,
        "KeyConditionExpression": key.condition_expression,
        "ConsistentRead": True,
    }
    names, values = dict(key.attribute_name_placeholders), dict(key.attribute_value_placeholders)
    if filter is not None:
        condition = builder.build_expression(filter)
        arguments["FilterExpression"] = condition.condition_expression
        names |= condition.attribute_name_placeholders
        values |= condition.attribute_value_placeholders
    if fields:
        # By other names: many words are reserved, "status" among them.
        shown = ("sk", *fields)
        arguments["ProjectionExpression"] = ", ".join(f"#{field}" for field in shown)
        names |= {f"#{field}": field for field in shown}
    arguments["ExpressionAttributeNames"] = names
    return [{**arguments, "ExpressionAttributeValues": {**values, partition: one}} for one in partitions]


def _pages(arguments: dict[str, Any]) -> list[dict[str, Any]]:
    asked = dict(arguments)
    items: list[dict[str, Any]] = []
    while True:
        answer = dynamodb().meta.client.query(**asked)
        items += answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return items
        asked["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
