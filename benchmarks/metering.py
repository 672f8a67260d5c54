"""A virtual cloud that counts what the handlers ask of AWS."""

from __future__ import annotations

import json
import math
from collections import Counter
from threading import Lock
from typing import Any

from ministack.core.responses import request_scope

from local.cloud import dynamodb_queries
from local.virtual import VirtualCloud
from local.virtual.transport import Answer, Call

_READS = {"GetItem", "BatchGetItem", "Query", "Scan"}
_UNITS_OF_A_TRANSACTED_WRITE = 2


class MeteredCloud(VirtualCloud):
    """Counts from ``start_counting`` on. ``counted`` has the calls of handlers by service and operation.

    Every attempt counts, also one that was throttled.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.counted: Counter[tuple[str, str]] = Counter()
        self.write_units = 0.0
        self.read_units = 0.0
        self._counting = False
        self._lock = Lock()

    def __enter__(self) -> MeteredCloud:
        super().__enter__()
        return self

    def start_counting(self) -> None:
        """From now on."""
        self._counting = True

    def answer(self, call: Call) -> Answer:
        answer = super().answer(call)
        # A key that is an account's id is the emulator's, or the benchmark's own.
        if self._counting and not call.access_key_id.isdigit():
            with self._lock:
                self.counted[call.service, call.operation] += 1
                if call.service == "dynamodb":
                    self._count_units(call, answer)
        return answer

    def _count_units(self, call: Call, answer: Answer) -> None:
        """Roughly: the wire's JSON is a little longer than what DynamoDB counts."""
        request = json.loads(call.body)
        if call.operation in _READS:
            # What is read is charged, whether or not it passes the filter and is shown.
            with request_scope(call.account, call.region):
                read = dynamodb_queries.bytes_read(request) if call.operation == "Query" else None
            units = math.ceil((len(answer.body) if read is None else read) / 4096)
            self.read_units += units * (1.0 if request.get("ConsistentRead") else 0.5)
            return
        if call.operation == "TransactWriteItems":
            writes = request["TransactItems"]
            factor = _UNITS_OF_A_TRANSACTED_WRITE
        elif call.operation == "BatchWriteItem":
            writes = [write for table in request["RequestItems"].values() for write in table]
            factor = 1
        else:
            writes, factor = [request], 1
        self.write_units += sum(factor * math.ceil(len(json.dumps(write)) / 1024) for write in writes)


def largest_item(cloud: VirtualCloud) -> int:
    """Bytes of the largest item of all tables as DynamoDB counts them: names and values in UTF-8.

    (Amazon DynamoDB developer guide, Item sizes and formats.) Numbers and nested values as an upper bound.
    """
    dynamodb = cloud.client("dynamodb")
    largest = 0
    for name in dynamodb.list_tables()["TableNames"]:
        for page in dynamodb.get_paginator("scan").paginate(TableName=name):
            for item in page["Items"]:
                largest = max(largest, sum(len(key.encode()) + _bytes(value) for key, value in item.items()))
    return largest


def _bytes(value: dict[str, Any]) -> int:
    [(kind, inner)] = value.items()
    if kind in ("S", "N"):
        return len(str(inner).encode())
    if kind == "L":
        return 3 + sum(1 + _bytes(one) for one in inner)
    if kind == "M":
        return 3 + sum(1 + len(key.encode()) + _bytes(one) for key, one in inner.items())
    return len(json.dumps(inner, default=str))
