"""Reads of many items by their keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from shared.store.connection import dynamodb

KEYS_PER_CALL = 100
"""BatchGetItem takes at most 100 keys (DynamoDB API reference)."""


def read(table: str, keys: Sequence[dict[str, str]], *, consistent: bool = False) -> Iterator[dict[str, Any]]:
    """The items with these keys, in no order; missing ones are left out."""
    for start in range(0, len(keys), KEYS_PER_CALL):
        asked = {"Keys": keys[start : start + KEYS_PER_CALL], "ConsistentRead": consistent}
        wanted: dict[str, Any] = {table: asked}
        while wanted:
            answer = dynamodb().batch_get_item(RequestItems=wanted)
            yield from answer["Responses"].get(table, [])
            wanted = dict(answer.get("UnprocessedKeys", {}))
