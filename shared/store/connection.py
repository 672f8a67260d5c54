"""The one connection of this process to DynamoDB, so that warm invocations reuse it."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

from shared.version import USER_AGENT

CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 10},
    connect_timeout=5,
    read_timeout=20,
    user_agent_extra=USER_AGENT,
)
"""Ten attempts, as DynamoDB's clients make where nothing is set and the retry mode is ``legacy``."""
CONFLICT = "TransactionConflictException"
CANCELLED, CONFLICT_REASON = "TransactionCanceledException", "TransactionConflict"
TRIES = 9
FIRST_PAUSE = 0.025
"""Of a second, doubled with each try: some 6 s in all."""


@cache
def dynamodb() -> Any:
    """boto3's resource: it takes and gives plain Python values, and so does its client."""
    resource: Any = boto3.resource("dynamodb", config=CONFIG)
    resource.meta.client.meta.events.register("needs-retry.dynamodb", _after_conflict)
    return resource


def table(name: str) -> Any:
    """A table. It is kept: boto3 makes its class anew for each, and that takes longer than a read."""
    known = _tables.get(name)
    if known is None or known.meta.client is not dynamodb().meta.client:
        known = _tables[name] = dynamodb().Table(name)
    return known


_tables: dict[str, Any] = {}


def _after_conflict(attempts: int, response: Any = None, **_: Any) -> float | None:
    """botocore asks whether to repeat a call, and after how many seconds.

    A single write is refused while a transaction is about its item. That is over in an instant, and botocore
    does not repeat it (DynamoDB developer guide, Transaction conflict handling).
    """
    if response is None or attempts >= TRIES or not _is_conflict(response[1]):
        return None
    return random.uniform(0, FIRST_PAUSE * 2**attempts)  # noqa: S311  spreads those that collided


def _is_conflict(answer: dict[str, Any]) -> bool:
    """Of a transaction of several items the caller sees to it: it may try each by itself."""
    if answer.get("Error", {}).get("Code") == CANCELLED:
        return [reason.get("Code") for reason in answer.get("CancellationReasons", ())] == [CONFLICT_REASON]
    return bool(answer.get("Error", {}).get("Code") == CONFLICT)
