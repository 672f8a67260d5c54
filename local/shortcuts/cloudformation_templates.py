"""Parses each CloudFormation template once: virtual clouds read and create the same."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import cache, lru_cache, wraps
from typing import Any

from local.shortcuts import ENABLED
from local.shortcuts.hooks import TABLE

_HANDLERS = "ministack.services.cloudformation.handlers"

Parse = Callable[[str], dict[str, Any]]


@cache
def install() -> None:
    """Replace MiniStack's parser, once per process."""
    if ENABLED:
        TABLE.replace(_HANDLERS, "_parse_template", once(TABLE.shipped(_HANDLERS, "_parse_template")))


def once(parse: Parse) -> Parse:
    """Every caller gets a copy of its own: MiniStack writes into what it has parsed."""
    if not ENABLED:
        return parse

    @lru_cache(maxsize=16)
    def parsed(template_body: str) -> bytes:
        return pickle.dumps(parse(template_body))

    @wraps(parse)
    def copied(template_body: str) -> dict[str, Any]:
        template: dict[str, Any] = pickle.loads(parsed(template_body))  # noqa: S301 - pickled above
        return template

    return copied
