"""The InstancePairs table: what is known of a pair across executions."""

from __future__ import annotations

from collections.abc import Sequence

from shared.items import from_item, to_item
from shared.model import PairRecord
from shared.store.connection import table
from shared.store.reads import read


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
        keys = [{"sourceServerId": key} for key in source_server_ids]
        pairs = [from_item(item, PairRecord) for item in read(self._name, keys)]
        return {pair.source_server_id: pair for pair in pairs}
