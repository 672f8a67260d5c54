"""The InstancePairs table: the record of each pair across executions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from shared.model.pair import PairRecord
from shared.serialization import from_item, to_item
from shared.store.connection import dynamodb
from shared.store.reads import read
from shared.store.writes import Operation, put_if, write


class PairStore:
    """The InstancePairs table."""

    def __init__(self, table_name: str) -> None:
        self._name = table_name

    def put(self, pairs: Sequence[PairRecord]) -> list[bool]:
        """Put the next revision of each pair. False stands where one has changed since it was read."""
        return write([self._put(pair) for pair in pairs], exact=True)

    def _put(self, pair: PairRecord) -> Operation:
        item = to_item(replace(pair, revision=pair.revision + 1))
        # Fields at their default are not stored, and a pair that is not there has none.
        seen: dict[str, Any] = {":seen": pair.revision} if pair.revision else {}
        condition = "revision = :seen" if pair.revision else "attribute_not_exists(revision)"
        return put_if(self._name, item, condition, seen)

    def get(self, source_server_ids: Sequence[str]) -> dict[str, PairRecord]:
        """The recorded pairs of these servers, by source server id."""
        keys = [{"sourceServerId": key} for key in source_server_ids]
        pairs = [from_item(item, PairRecord) for item in read(self._name, keys)]
        return {pair.source_server_id: pair for pair in pairs}

    def every(self) -> list[PairRecord]:
        """The pairs of every plan."""
        pages = dynamodb().meta.client.get_paginator("scan").paginate(TableName=self._name)
        items = (item for page in pages for item in page["Items"])
        return [from_item(item, PairRecord) for item in items if "pairInstanceId" in item]
