"""A virtual cloud that counts what the handlers ask of AWS."""

from __future__ import annotations

import math
from collections import Counter
from threading import Lock
from typing import Any

import orjson
from ministack.core.responses import request_scope
from ministack.services import dynamodb

from local.shortcuts import dynamodb_queries
from local.simulation import VirtualCloud
from local.simulation.transport import Answer, Call

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
        request = orjson.loads(call.body)
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
        self.write_units += sum(factor * math.ceil(len(orjson.dumps(write)) / 1024) for write in writes)


def largest_item(cloud: VirtualCloud) -> int:
    """Bytes of the largest item of all tables as DynamoDB counts them.

    (Amazon DynamoDB developer guide, Item sizes and formats.)
    """
    names = cloud.client("dynamodb").list_tables()["TableNames"]
    with request_scope(cloud.account, cloud.region):
        partitions = [items for name in names for items in dynamodb._tables[name]["items"].values()]
        sizes: list[int] = [
            dynamodb._item_size_bytes(item) for items in partitions for item in items.values()
        ]
        return max(sizes)
