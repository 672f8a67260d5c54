"""Conditional writes to DynamoDB: many at once where they all may, one by one where some may not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import Any

from shared.serialization import camel, to_item
from shared.store.connection import CONDITION_FAILED, cancellation_codes, dynamodb, pause_for_leftovers

ITEMS_PER_TRANSACTION = 100
"""TransactWriteItems takes at most 100 items (DynamoDB developer guide, Service quotas)."""
ITEMS_PER_BATCH = 25
"""BatchWriteItem takes at most 25 items (DynamoDB API reference)."""

Operation = dict[str, Any]
"""One of TransactWriteItems' members: ``{"Put": …}``, ``{"Update": …}`` or ``{"Delete": …}``."""


def put_once(table: str, item: dict[str, Any]) -> Operation:
    """Put an item unless its key is taken."""
    return put_if(table, item, "attribute_not_exists(pk)", {})


def put_if(table: str, item: dict[str, Any], condition: str, values: dict[str, Any]) -> Operation:
    put: dict[str, Any] = {"TableName": table, "Item": item, "ConditionExpression": condition}
    if values:
        put["ExpressionAttributeValues"] = values
    return {"Put": put}


def delete_if(table: str, key: dict[str, str], condition: str, values: dict[str, Any]) -> Operation:
    return {
        "Delete": {
            "TableName": table,
            "Key": key,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }
    }


def set_if(
    table: str,
    key: dict[str, str],
    values: Mapping[str, Any],
    condition: str,
    condition_values: dict[str, Any],
) -> Operation:
    """Set ``values`` (snake_case names; None takes a field away).

    ``#status`` and ``#protection`` may stand in the condition.
    """
    # DynamoDB refuses names that no expression uses.
    names = {f"#{field}": field for field in ("status", "protection") if f"#{field}" in condition}
    data = dict(condition_values)
    sets: list[str] = []
    removes: list[str] = []
    for field, value in values.items():
        names[f"#{field}"] = camel(field)
        if value is None:
            removes.append(f"#{field}")
        else:
            sets.append(f"#{field} = :{field}")
            data[f":{field}"] = to_item(value)
    parts = [f"SET {', '.join(sets)}"] if sets else []
    parts += [f"REMOVE {', '.join(removes)}"] if removes else []
    update: Operation = {
        "TableName": table,
        "Key": key,
        "UpdateExpression": " ".join(parts),
        "ConditionExpression": condition,
        "ExpressionAttributeNames": names,
    }
    if data:
        update["ExpressionAttributeValues"] = data
    return {"Update": update}


def add_to(table: str, key: dict[str, str], sets: dict[str, set[str]], values: dict[str, Any]) -> Operation:
    """Add members to sets of an item, which is made if need be, and set ``values`` (names as stored)."""
    names = {f"#{field}": field for field in (*sets, *values)}
    added = ", ".join(f"#{field} :{field}" for field in sets)
    assigned = ", ".join(f"#{field} = :{field}" for field in values)
    return {
        "Update": {
            "TableName": table,
            "Key": key,
            "UpdateExpression": f"ADD {added} SET {assigned}",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": {f":{field}": value for field, value in {**sets, **values}.items()},
        }
    }


def write(operations: Sequence[Operation], *, exact: bool = False) -> list[bool]:
    """Carry the operations out, by hundreds. False stands where an operation's condition did not hold.

    Only that is False: an operation that DynamoDB throttled, or that met another transaction, is tried again
    with growing pauses (``connection``), and at last the call raises, so that the state machine retries.

    ``exact``: also when an answer was lost and the call repeated, an operation that this very call carried
    out is True. A transaction gives that; a single operation, made one for that, costs double.
    """
    done: list[bool] = []
    for start in range(0, len(operations), ITEMS_PER_TRANSACTION):
        done += _write_some(operations[start : start + ITEMS_PER_TRANSACTION], exact)
    return done


def _write_some(operations: Sequence[Operation], exact: bool) -> list[bool]:
    """At most a hundred. Those whose condition fails are taken out, and the others go on together."""
    if len(operations) == 1 and not exact:
        return [write_one(operations[0])]
    refused = _transact(operations)
    if not refused:
        return [True] * len(operations)
    others = [operation for place, operation in enumerate(operations) if place not in refused]
    answers = iter(_write_some(others, exact) if others else ())
    return [place not in refused and next(answers) for place in range(len(operations))]


def _transact(operations: Sequence[Operation]) -> frozenset[int]:
    """Carry out all operations or none; gives the places of those whose condition did not hold.

    botocore adds a token to each call, so that a repeat does nothing. Raises botocore's ClientError where a
    transaction was cancelled for another reason than a condition.
    """
    client = dynamodb().meta.client
    try:
        client.transact_write_items(TransactItems=list(operations))
    except client.exceptions.TransactionCanceledException as error:
        codes = cancellation_codes(error.response)
        refused = frozenset(place for place, code in enumerate(codes) if code == CONDITION_FAILED)
        if not refused:
            raise
        return refused
    return frozenset()


def write_exactly(operation: Operation) -> bool:
    """Carry one operation out. False if its condition did not hold before this very call, see ``write``."""
    [done] = write([operation], exact=True)
    return done


def write_one(operation: Operation) -> bool:
    """Carry one operation out by itself. False if its condition did not hold, also after a lost answer."""
    [(kind, arguments)] = operation.items()
    calls = {
        "Put": dynamodb().meta.client.put_item,
        "Update": dynamodb().meta.client.update_item,
        "Delete": dynamodb().meta.client.delete_item,
    }
    try:
        calls[kind](**arguments)
    except dynamodb().meta.client.exceptions.ConditionalCheckFailedException:
        return False
    return True


def write_together(operations: Sequence[Operation]) -> bool:
    """Carry out all operations or none (at most 100). False only if a condition did not hold."""
    return not _transact(operations)


def put_all(table: str, items: Iterable[dict[str, Any]]) -> None:
    """Put items in place of what is there; of several with one key (``pk``, ``sk``) the last."""
    by_key = {(item["pk"], item["sk"]): {"PutRequest": {"Item": item}} for item in items}
    _write_batches(table, list(by_key.values()))


def delete_all(table: str, keys: Iterable[dict[str, str]]) -> None:
    """Delete the items with these keys, as far as they are there."""
    by_key = {(key["pk"], key["sk"]): {"DeleteRequest": {"Key": key}} for key in keys}
    _write_batches(table, list(by_key.values()))


def _write_batches(table: str, requests: Sequence[dict[str, Any]]) -> None:
    """Each is carried out by itself, what is throttled until it is carried out too."""
    for start in range(0, len(requests), ITEMS_PER_BATCH):
        wanted = {table: list(requests[start : start + ITEMS_PER_BATCH])}
        for attempts in count(1):
            wanted = dynamodb().meta.client.batch_write_item(RequestItems=wanted).get("UnprocessedItems")
            if not wanted:
                break
            pause_for_leftovers(attempts, "BatchWriteItem")
