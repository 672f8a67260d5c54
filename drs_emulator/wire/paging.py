"""Pages with opaque tokens that survive items added and deleted between two calls."""

from __future__ import annotations

import base64
import hashlib
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from drs_emulator.errors import ValidationError
from drs_emulator.settings import Settings

Item = TypeVar("Item")


def page(
    operation: str,
    params: dict[str, Any],
    settings: Settings,
    items: Sequence[Item],
    sort_key: Callable[[Item], str],
    *,
    descending: bool = False,
) -> tuple[list[Item], str | None]:
    """One page of ``items`` in the order of ``sort_key`` (unique strings), and the token of the next.

    A token is bound to its operation and filters; ValidationError for any other.
    """
    ordered = sorted(items, key=sort_key)
    if descending:
        ordered.reverse()
    start = 0
    bound_to = _digest(operation, params)
    if params.get("nextToken"):
        after = _decode(params["nextToken"], bound_to)
        start = _position_after(after, [sort_key(item) for item in ordered], descending)
    size = min(params.get("maxResults", settings.default_page_size), settings.max_page_size)
    chosen = ordered[start : start + size]
    more = start + size < len(ordered)
    return chosen, _encode(bound_to, sort_key(chosen[-1])) if more else None


def _position_after(after: str, keys: list[str], descending: bool) -> int:
    if descending:
        return len(keys) - bisect_left([*reversed(keys)], after)
    return bisect_right(keys, after)


def _digest(operation: str, params: dict[str, Any]) -> str:
    bound = {key: value for key, value in params.items() if key not in ("nextToken", "maxResults")}
    return hashlib.sha256(json.dumps([operation, bound], sort_keys=True).encode()).hexdigest()[:16]


def _encode(bound_to: str, after: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([bound_to, after]).encode()).decode()


def _decode(token: str, bound_to: str) -> str:
    try:
        found, after = json.loads(base64.urlsafe_b64decode(token.encode()))
    except ValueError as error:
        raise ValidationError("Invalid nextToken", fields=[("nextToken", "Invalid token")]) from error
    if found != bound_to or not isinstance(after, str):
        raise ValidationError(
            "Invalid nextToken", fields=[("nextToken", "The token belongs to another request")]
        )
    return after
