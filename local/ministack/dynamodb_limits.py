"""DynamoDB's throughput: what one key and one table take in a second, and what is refused beyond that.

Each key takes 1,000 write and 3,000 read units a second, each table its warm throughput (DynamoDB developer
guide, Burst and adaptive capacity; Warm throughput). A bucket holds one second's worth, and what costs more
than that passes when it is full. Not here: the throughput of indexes, and DynamoDB's own scaling, which
takes half an hour.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import cache
from typing import Any

import orjson
from ministack.core.responses import get_account_id, get_region
from ministack.services import dynamodb

from local.ministack import hooks
from local.ministack.dynamodb_costs import (
    READS,
    WRITES,
    Cost,
    Data,
    put_or_delete,
    read_cost,
    transacted,
    units_of,
    write_cost,
)
from local.shortcuts import dynamodb_queries

_DYNAMODB = "ministack.services.dynamodb"
_PROVISIONERS = "ministack.services.cloudformation.provisioners"
_TABLE = "AWS::DynamoDB::Table"
NEW_TABLE = {WRITES: 4_000, READS: 12_000}
"""Of a new on-demand table (DynamoDB developer guide, Warm throughput)."""
KEY = {WRITES: 1_000, READS: 3_000}
_PARTITION = re.compile(r"\(*(#\w+) = (:\w+)")

Response = tuple[int, dict[str, Any], Any]
Serve = Callable[[bytes], Awaitable[Response]]


class Limits:
    """The buckets of every table and key. ``now``: seconds by the cloud's clock."""

    def __init__(self, now: Callable[[], float], applies: Callable[[], bool] = lambda: True) -> None:
        self._now = now
        self.applies = applies
        self._buckets: dict[tuple[Any, ...], list[float]] = {}
        self.refused: Counter[str] = Counter()
        """How many items each operation was refused."""

    def refusal(self, costs: Iterable[Cost]) -> tuple[str, Cost] | None:
        """``KEY`` or ``TABLE`` and the cost that is too much; None if all may pass together."""
        wanted: dict[tuple[Any, ...], float] = {}
        for cost in costs:
            for bucket in _buckets_of(cost):
                wanted[bucket] = units = wanted.get(bucket, 0) + cost.units
                rate = _rate(bucket)
                if self._level(bucket, rate) < min(units, rate):
                    return ("TABLE" if bucket[-1] is None else "KEY"), cost
        return None

    def take(self, costs: Iterable[Cost]) -> None:
        """Charge, also below zero."""
        for cost in costs:
            for bucket in _buckets_of(cost):
                self._level(bucket, _rate(bucket))
                self._buckets[bucket][0] -= cost.units

    def _level(self, bucket: tuple[Any, ...], rate: float) -> float:
        now = self._now()
        found = self._buckets.get(bucket)
        if found is None:
            self._buckets[bucket] = [rate, now]
            return rate
        found[0] = min(rate, found[0] + (now - found[1]) * rate)
        found[1] = now
        return found[0]


_limits: Limits | None = None


def use(limits: Limits | None) -> None:
    """From now on these apply; None: none do."""
    global _limits
    _install()
    _limits = limits


@cache
def _install() -> None:
    shipped = hooks.shipped(_DYNAMODB, "handle_request")

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query_params: dict[str, Any]
    ) -> Response:
        operation = headers.get("x-amz-target", "").rpartition(".")[2]

        async def serve(asked: bytes) -> Response:
            answer: Response = await shipped(method, path, headers, asked, query_params)
            return answer

        if operation == "CreateTable":
            return _created(orjson.loads(body), await serve(body))
        limits, judge = _limits, _JUDGES.get(operation)
        if limits is None or judge is None or not limits.applies():
            return await serve(body)
        return await judge(limits, operation, orjson.loads(body), body, serve)

    hooks.replace(_DYNAMODB, "handle_request", handle)
    made = hooks.shipped(_PROVISIONERS, "_RESOURCE_HANDLERS")[_TABLE]

    def create(logical_id: str, props: Data, stack_name: str) -> Any:
        answer = made["create"](logical_id, props, stack_name)
        _keep_warm_throughput(answer[0], props)
        return answer

    hooks.update(_PROVISIONERS, "_RESOURCE_HANDLERS", {_TABLE: {**made, "create": create}})


def _created(data: Data, answer: Response) -> Response:
    if answer[0] == 200:
        _keep_warm_throughput(data["TableName"], data)
    return answer


def _keep_warm_throughput(name: str, properties: Data) -> None:
    """MiniStack takes the property and forgets it."""
    chosen = {unit: int(units) for unit, units in properties.get("WarmThroughput", {}).items()}
    dynamodb._tables[name]["WarmThroughput"] = {**NEW_TABLE, **chosen, "Status": "ACTIVE"}


def _buckets_of(cost: Cost) -> list[tuple[Any, ...]]:
    place = get_account_id(), get_region(), cost.table, cost.unit
    return [(*place, None)] if cost.key is None else [(*place, cost.key), (*place, None)]


def _rate(bucket: tuple[Any, ...]) -> float:
    table, unit, key = bucket[2:]
    if key is not None:
        return KEY[unit]
    warm = dynamodb._tables[table].get("WarmThroughput") or NEW_TABLE
    return float(warm.get(unit) or NEW_TABLE[unit])


# How each is judged.


async def _single(limits: Limits, operation: str, data: Data, body: bytes, serve: Serve) -> Response:
    name = data.get("TableName", "")
    if operation == "GetItem":
        cost = read_cost(name, data.get("Key", {}), bool(data.get("ConsistentRead")))
    else:
        cost = write_cost(name, operation.removesuffix("Item"), data)
    if cost is None:
        return await serve(body)
    if refusal := limits.refusal([cost]):
        return _refused(limits, operation, refusal[0])
    limits.take([cost])
    return await serve(body)


async def _several(limits: Limits, operation: str, data: Data, body: bytes, serve: Serve) -> Response:
    """A query or scan is refused while its key or table is in debt, and charged for what it has read."""
    name = data.get("TableName", "")
    table = dynamodb._tables.get(name)
    if table is None or "IndexName" in data:
        return await serve(body)
    if refusal := limits.refusal([Cost(name, _queried(table, data), READS, 1)]):
        return _refused(limits, operation, refusal[0])
    read = dynamodb_queries.bytes_read(data) if operation == "Query" else None
    answer = await serve(body)
    if answer[0] == 200:
        if read is None:
            read = sum(dynamodb._item_size_bytes(item) for item in orjson.loads(answer[2])["Items"])
        units = units_of(READS, min(read, dynamodb._DDB_PAGE_SIZE_BYTES))
        share = 1.0 if data.get("ConsistentRead") else 0.5
        limits.take([Cost(name, _queried(table, data), READS, units * share)])
    return answer


def _queried(table: Data, data: Data) -> str | None:
    found = _PARTITION.match(data.get("KeyConditionExpression", ""))
    if found is None or data.get("ExpressionAttributeNames", {}).get(found[1]) != table["pk_name"]:
        return None
    return str(data["ExpressionAttributeValues"].get(found[2]))


async def _transaction(limits: Limits, operation: str, data: Data, body: bytes, serve: Serve) -> Response:
    """All or nothing; whose key is too busy is named, or all of them if the table is."""
    costs = [transacted(member) for member in data.get("TransactItems", [])]
    known = [cost for cost in costs if cost is not None]
    if refusal := limits.refusal(known):
        kind, culprit = refusal
        limits.refused[operation] += len(known)
        codes = [_reason(kind, culprit, cost) for cost in costs]
        return _error("TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes])
    limits.take(known)
    return await serve(body)


def _reason(kind: str, culprit: Cost, cost: Cost | None) -> str:
    if cost is None or cost.table != culprit.table:
        return "None"
    if kind == "TABLE":
        return "ThrottlingError"
    return "ProvisionedThroughputExceeded" if cost.key == culprit.key else "None"


async def _batch(limits: Limits, operation: str, data: Data, body: bytes, serve: Serve) -> Response:
    """What is too much comes back unprocessed; the call is refused if that is all of it."""
    writes = operation == "BatchWriteItem"
    taken: dict[str, list[Any]] = {}
    left: dict[str, list[Any]] = {}
    for name, asked in data.get("RequestItems", {}).items():
        for one in asked if writes else asked["Keys"]:
            cost = put_or_delete(name, one) if writes else read_cost(name, one, _is_consistent(asked))
            if cost is not None and limits.refusal([cost]):
                left.setdefault(name, []).append(one)
                continue
            limits.take([cost] if cost else [])
            taken.setdefault(name, []).append(one)
    if not left:
        return await serve(body)
    limits.refused[operation] += sum(len(several) for several in left.values())
    if not taken:
        return _error("ProvisionedThroughputExceededException")
    shape = _requests if writes else _keys
    status, headers, answer = await serve(orjson.dumps({**data, "RequestItems": shape(data, taken)}))
    if status == 200:
        member = "UnprocessedItems" if writes else "UnprocessedKeys"
        answer = orjson.dumps({**orjson.loads(answer), member: shape(data, left)})
        headers.pop("x-amz-crc32", None)
    return status, headers, answer


def _requests(data: Data, chosen: Mapping[str, Any]) -> Data:
    return dict(chosen)


def _keys(data: Data, chosen: Mapping[str, Any]) -> Data:
    return {name: {**data["RequestItems"][name], "Keys": keys} for name, keys in chosen.items()}


def _is_consistent(asked: Data) -> bool:
    return bool(asked.get("ConsistentRead"))


def _refused(limits: Limits, operation: str, kind: str) -> Response:
    limits.refused[operation] += 1
    return _error("ProvisionedThroughputExceededException" if kind == "KEY" else "ThrottlingException")


def _error(code: str, **more: Any) -> Response:
    message = "Throughput exceeds the current capacity of your table or index"
    body = json.dumps({"__type": code, "message": message, **more}).encode()
    return 400, {"Content-Type": "application/x-amz-json-1.0", "x-amzn-errortype": code}, body


_JUDGES: dict[str, Callable[[Limits, str, Data, bytes, Serve], Awaitable[Response]]] = {
    **dict.fromkeys(("GetItem", "PutItem", "UpdateItem", "DeleteItem"), _single),
    **dict.fromkeys(("Query", "Scan"), _several),
    **dict.fromkeys(("BatchGetItem", "BatchWriteItem"), _batch),
    "TransactWriteItems": _transaction,
}
