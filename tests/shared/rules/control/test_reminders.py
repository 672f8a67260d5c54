"""Reminders come after 10, 30 and 60 minutes, then every hour, each once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.rules.control.reminders import is_due, latest_due, reminders_due, until_next

START = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("waited", "due", "left"),
    [
        (0, 0, 600),
        (599, 0, 1),
        (600, 1, 1200),
        (1800, 2, 1800),
        (3599, 2, 1),
        (3600, 3, 3600),
        (7199, 3, 1),
        (7200, 4, 3600),
        (86400, 26, 3600),
    ],
)
def test_the_schedule(waited: int, due: int, left: int) -> None:
    assert (reminders_due(waited), until_next(waited)) == (due, left)


@given(st.integers(0, 200_000))
def test_the_next_one_is_due_when_it_is_said_to_be_and_not_before(waited: int) -> None:
    left = until_next(waited)
    assert reminders_due(waited + left) == reminders_due(waited) + 1
    assert reminders_due(waited + left - 1) == reminders_due(waited)
    last, now = START + timedelta(seconds=waited), START + timedelta(seconds=waited + left)
    assert is_due(START, last, now)
    assert latest_due(waited + left) == waited + left
    assert (latest_due(waited) or 0) <= waited
    assert not is_due(START, now, now)
