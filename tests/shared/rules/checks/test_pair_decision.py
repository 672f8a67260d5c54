"""Of several findings of one server the one that says most counts."""

from __future__ import annotations

from itertools import permutations

import pytest

from shared.model.status import ServerStatus
from shared.rules.checks.pair_decision import one_of_each
from tests.makers import record

BY_WEIGHT = [
    ServerStatus.BLOCKED,
    ServerStatus.READY,
    ServerStatus.MATCHED,
    ServerStatus.DISCOVERED,
    ServerStatus.LEFT_OUT,
    ServerStatus.RECOVERED,
]


@pytest.mark.parametrize(("first", "second"), list(permutations(BY_WEIGHT, 2)))
def test_what_blocks_a_server_counts_before_what_a_check_has_reached(
    first: ServerStatus, second: ServerStatus
) -> None:
    other = record(2)
    found = one_of_each([record(1, status=first), other, record(1, status=second)])
    assert found == [record(1, status=min(first, second, key=BY_WEIGHT.index)), other]


def test_of_two_that_say_the_same_the_first_counts() -> None:
    assert one_of_each([record(1, wave="app"), record(1, wave="web")]) == [record(1, wave="app")]
