"""The one connection of this process to DynamoDB, so that warm invocations reuse it."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import boto3
from botocore import endpoint
from botocore.config import Config
from botocore.exceptions import ClientError

from shared.version import USER_AGENT

CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 10},
    connect_timeout=5,
    read_timeout=20,
    user_agent_extra=USER_AGENT,
)
"""Ten attempts, as DynamoDB's clients make where nothing is set and the retry mode is ``legacy``."""
CONFLICT, CANCELLED = "TransactionConflictException", "TransactionCanceledException"
CONDITION_FAILED = "ConditionalCheckFailed"
PASSING = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
"""Reasons for which a transaction is cancelled and may be repeated as it is (DynamoDB API reference,
TransactWriteItems). They say nothing of another writer's success."""
TRIES = 9
FIRST_PAUSE = 0.025
"""Of a second, doubled with each try: some 6 s in all."""


@cache
def dynamodb() -> Any:
    """boto3's resource: it takes and gives plain Python values, and so does its client."""
    resource: Any = boto3.resource("dynamodb", config=CONFIG)
    resource.meta.client.meta.events.register("needs-retry.dynamodb", _pause_before_retry)
    return resource


def table(name: str) -> Any:
    """A table. It is kept: boto3 makes its class anew for each, and that takes longer than a read."""
    known = _tables.get(name)
    if known is None or known.meta.client is not dynamodb().meta.client:
        known = _tables[name] = dynamodb().Table(name)
    return known


_tables: dict[str, Any] = {}


def _pause_before_retry(attempts: int, response: Any = None, **_: Any) -> float | None:
    """botocore asks whether to repeat a call, and after how many seconds.

    A single write is refused while a transaction is about its item, and a transaction is cancelled when a
    part of it is throttled or meets another one. botocore repeats neither (DynamoDB developer guide,
    Transaction conflict handling; API reference, TransactWriteItems).
    """
    if response is None or attempts >= TRIES or not _is_passing(response[1]):
        return None
    return _seconds(attempts)


def pause_for_leftovers(attempts: int, operation: str) -> None:
    """Wait before what a batch has left over is tried again, the longer the more ``attempts`` there were.

    DynamoDB answers a batch that is throttled in part with what it left (developer guide, Error handling,
    Batch operations). Raises botocore's ClientError after so many attempts as other calls get; the state
    machines retry it, as they do a call that was throttled.
    """
    if attempts >= TRIES:
        message = f"{operation} left items over {attempts} times: throughput exceeds the table's or a key's"
        error: Any = {"Error": {"Code": "ProvisionedThroughputExceededException", "Message": message}}
        raise ClientError(error, operation)
    # As botocore waits before it repeats a call.
    pauses: Any = endpoint
    pauses.time.sleep(_seconds(attempts))


def _seconds(attempts: int) -> float:
    return random.uniform(0, FIRST_PAUSE * 2**attempts)  # noqa: S311  spreads those that collided


def _is_passing(answer: dict[str, Any]) -> bool:
    """A transaction with a failed condition is not repeated: it would fail again."""
    code = answer.get("Error", {}).get("Code")
    if code == CANCELLED:
        reasons = {reason for reason in cancellation_codes(answer) if reason != "None"}
        return bool(reasons) and reasons <= PASSING
    return bool(code == CONFLICT)


def cancellation_codes(answer: dict[str, Any]) -> list[str]:
    """Why a transaction was cancelled: a code for each operation, ``None`` for one that was not at fault."""
    return [reason.get("Code") or "None" for reason in answer.get("CancellationReasons", ())]
