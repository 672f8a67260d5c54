"""Lets MiniStack's DynamoDB copy items as plain JSON: each write copies its item several times."""

from __future__ import annotations

import copy
import marshal
from functools import cache
from types import SimpleNamespace
from typing import Any

from local.cloud import hooks


@cache
def install() -> None:
    """Replace the module ``copy`` in MiniStack's DynamoDB, once per process."""
    quicker = SimpleNamespace(copy=copy.copy, deepcopy=plain_copy)
    hooks.replace("ministack.services.dynamodb", "copy", quicker)


def plain_copy(value: Any) -> Any:
    """A copy to the bottom: plain JSON is written and read again, the rest is for ``copy.deepcopy``."""
    try:
        return marshal.loads(marshal.dumps(value))  # noqa: S302 - it was written just now
    except ValueError:
        return copy.deepcopy(value)
