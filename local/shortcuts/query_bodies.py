"""Encodes and reads each large form once: every virtual cloud creates the same stacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any
from urllib.parse import parse_qs, urlencode

from local.shortcuts import ENABLED
from local.shortcuts.hooks import APP_TABLE, TABLE

LARGE = 10_000
"""Characters. Smaller forms differ from call to call, and are quick."""


@cache
def install() -> None:
    """Replace what botocore encodes and MiniStack reads forms with, once per process."""
    if ENABLED:
        TABLE.replace("botocore.awsrequest", "urlencode", encoded)
        APP_TABLE.replace("ministack.app", "parse_qs", read)
        TABLE.replace("ministack.services.cloudformation", "parse_qs", read)


def encoded(query: Mapping[str, Any] | Sequence[tuple[str, Any]], doseq: bool = False) -> str:
    """As ``urllib.parse.urlencode``."""
    pairs = tuple(query.items() if isinstance(query, Mapping) else query)
    if not all(isinstance(value, str) for _, value in pairs) or sum(len(v) for _, v in pairs) < LARGE:
        return urlencode(pairs, doseq=doseq)
    return _encoded(pairs)


def read(qs: str, keep_blank_values: bool = False) -> dict[str, list[str]]:
    """As ``urllib.parse.parse_qs``; every caller gets a copy of its own."""
    if len(qs) < LARGE:
        return parse_qs(qs, keep_blank_values=keep_blank_values)
    return {name: list(values) for name, values in _read(qs, keep_blank_values).items()}


_encoded = lru_cache(maxsize=16)(urlencode)
_read = lru_cache(maxsize=16)(parse_qs)
