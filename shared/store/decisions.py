"""Decisions: the pair of each server of an execution, written once. What uses a pair compares with it.

They are items of the InstancePairs table, which query functions cannot write.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from shared.model.decided_pair import DecidedPair
from shared.serialization import from_item, to_item
from shared.store.reads import read
from shared.store.writes import put_if, write

PREFIX = "DECIDED#"


class DecisionStore:
    """The decided pairs of one execution."""

    def __init__(self, pairs_table: str, execution_id: str) -> None:
        self._table = pairs_table
        self._execution_id = execution_id

    def put(self, pairs: Sequence[DecidedPair], expires_at: datetime) -> None:
        """Record the decided pairs. One that is recorded already stays as it is."""
        expiry = {"expiresAt": int(expires_at.timestamp())}
        items = [{"pair": to_item(pair), **self._key(pair.source_server_id), **expiry} for pair in pairs]
        write([put_if(self._table, item, "attribute_not_exists(sourceServerId)", {}) for item in items])

    def get(self, source_server_ids: Sequence[str]) -> dict[str, DecidedPair]:
        """The decided pairs of these servers, by source server id; servers without one are left out."""
        keys = [self._key(server_id) for server_id in source_server_ids]
        items = read(self._table, keys, consistent=True)
        pairs = [from_item(item["pair"], DecidedPair) for item in items]
        return {pair.source_server_id: pair for pair in pairs}

    def _key(self, source_server_id: str) -> dict[str, str]:
        return {"sourceServerId": f"{PREFIX}{self._execution_id}#{source_server_id}"}
