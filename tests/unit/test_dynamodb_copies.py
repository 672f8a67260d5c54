"""How the local cloud's DynamoDB copies items."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest

from local.cloud.dynamodb_copies import plain_copy


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
