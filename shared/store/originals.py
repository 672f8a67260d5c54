"""Originals as quiet times recorded them: items of their own in the InstancePairs table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from shared.model.original import OriginalRecord
from shared.serialization import from_item, to_item
from shared.store.reads import read
from shared.store.writes import Operation, put_if, write

PREFIX = "ORIGINAL#"
"""Of the key ``sourceServerId``: an original is no pair, and may be recorded before there is one."""


class OriginalStore:
    """The originals in the InstancePairs table."""

    def __init__(self, pairs_table: str) -> None:
        self._name = pairs_table

    def put(self, records: Sequence[OriginalRecord]) -> list[bool]:
        """Put the next revision of each. False stands where one has changed since it was read."""
        return write([self._put(record) for record in records])

    def _put(self, record: OriginalRecord) -> Operation:
        item = to_item(replace(record, revision=record.revision + 1))
        item["sourceServerId"] = f"{PREFIX}{record.source_server_id}"
        seen: dict[str, Any] = {":seen": record.revision} if record.revision else {}
        condition = "revision = :seen" if record.revision else "attribute_not_exists(revision)"
        return put_if(self._name, item, condition, seen)

    def get(self, source_server_ids: Sequence[str]) -> dict[str, OriginalRecord]:
        """The recorded originals of these servers, by source server id."""
        keys = [{"sourceServerId": f"{PREFIX}{key}"} for key in source_server_ids]
        found = {}
        for item in read(self._name, keys):
            server_id = item["sourceServerId"].removeprefix(PREFIX)
            found[server_id] = from_item({**item, "sourceServerId": server_id}, OriginalRecord)
        return found
