"""The local cloud's DynamoDB does faster what it did, and nothing else."""

from __future__ import annotations

import json
from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest

from local.shortcuts.dynamodb_fast_paths import dumped, item_size, plain_copy
from local.shortcuts.hooks import TABLE


@pytest.mark.parametrize(
    "value",
    [
        {
            "name": {"S": "wéb-1"},
            "data": {"B": b"\x00"},
            "tags": {"L": [{"M": {}}, {"NULL": True}, {"N": "1.5"}]},
        },
        defaultdict(dict, partition={"key": {"S": "v"}}),
        [Decimal("1.50"), {"a", "b"}],
    ],
)
def test_a_copy_is_equal_and_of_the_same_kind(value: Any) -> None:
    copied = plain_copy(value)
    assert copied == value
    assert type(copied) is type(value)


def test_what_becomes_of_a_copy_is_not_seen_in_the_original() -> None:
    item: dict[str, Any] = {"findings": {"L": [{"M": {"code": {"S": "LAG"}}}]}}
    copied = plain_copy(item)
    copied["findings"]["L"][0]["M"]["code"]["S"] = "OTHER"
    assert item == {"findings": {"L": [{"M": {"code": {"S": "LAG"}}}]}}


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"name": {"S": "wéb-1"}, "count": {"N": "-12.50"}, "missing": {"NULL": True}, "on": {"BOOL": False}},
        {"names": {"SS": ["a", "bc"]}, "inside": {"M": {"one": {"L": [{"S": "x"}, {"N": "1"}]}}}},
        "no item",
    ],
    ids=str,
)
def test_an_item_has_the_size_that_ministack_counts(item: Any) -> None:
    shipped = TABLE.shipped("ministack.services.dynamodb", "_item_size_bytes")
    assert item_size(item) == shipped(item)


def test_json_is_the_same_but_for_spaces() -> None:
    value = {"a": [1, 2.5, None, True], "é": "\u2028", "big": 2**70}
    assert json.loads(dumped(value, ensure_ascii=False)) == value
    assert dumped({"b": Decimal(1)}, default=str) == '{"b": "1"}'
