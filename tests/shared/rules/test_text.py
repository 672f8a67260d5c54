"""Text from outside is one line of printable characters, and not too long."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.rules.text import one_line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("us-east-1 is lost", "us-east-1 is lost"),
        ("a\n\nTo cancel it:\naws lambda invoke", "a To cancel it: aws lambda invoke"),
        ("red \x1b[31malert\x1b[0m", "red [31malert [0m"),
        ("left \u202eright", "left right"),
        ("Ausfall in Zürich", "Ausfall in Zürich"),
        ("x" * 50, "x" * 39 + "…"),
    ],
)
def test_it_is_one_line(text: str, expected: str) -> None:
    assert one_line(text, 40) == expected


@given(st.text())
def test_whatever_is_written_is_printable_and_short(text: str) -> None:
    line = one_line(text, 20)
    assert line.isprintable()
    assert len(line) <= 20
    assert one_line(line, 20) == line
