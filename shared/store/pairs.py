"""The InstancePairs table: what is known of a pair across executions."""

from __future__ import annotations

from collections.abc import Sequence

from shared.items import from_item, to_item
from shared.model import PairRecord
from shared.store.connection import dynamodb, table


class PairStore:
    """The InstancePairs table."""

    def __init__(self, table_name: str) -> None:
        self._name = table_name
        self._table = table(table_name)

    def put(self, pairs: Sequence[PairRecord]) -> None:
        with self._table.batch_writer() as batch:
            for pair in pairs:
                batch.put_item(Item=to_item(pair))

    def get(self, source_server_ids: Sequence[str]) -> dict[str, PairRecord]:
        """The recorded pairs of these servers, by source server id."""
        found: dict[str, PairRecord] = {}
        for start in range(0, len(source_server_ids), 100):
            wanted = {
                self._name: {
                    "Keys": [{"sourceServerId": key} for key in source_server_ids[start : start + 100]]
                }
            }
            while wanted:
                answer = dynamodb().batch_get_item(RequestItems=wanted)
                for item in answer["Responses"].get(self._name, []):
                    pair = from_item(item, PairRecord)
                    found[pair.source_server_id] = pair
                wanted = answer.get("UnprocessedKeys", {})
        return found
