"""For calls that AWS refuses as a whole because of one of their members."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def halves(members: Sequence[T]) -> list[list[T]]:
    """The members in two calls instead of one; no call at all where there is nothing left to split."""
    middle = len(members) // 2
    return [list(members[:middle]), list(members[middle:])] if middle else []
