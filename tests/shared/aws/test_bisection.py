"""A refused call is split until its members stand alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.aws.bisection import halves


@given(st.lists(st.integers(), max_size=50))
def test_halves_keep_every_member_in_order_and_end(members: list[int]) -> None:
    parts = halves(members)
    if len(members) < 2:
        assert parts == []
    else:
        first, second = parts
        assert first + second == members
        assert 0 < len(first) <= len(second) < len(members)
