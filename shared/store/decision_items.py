"""Decisions: the pair of each server of an execution, written once. What uses a pair compares with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shared.model.decided_pair import DecidedPair
from shared.serialization import from_item, to_item
from shared.store.execution_items import ExecutionItems, shard_number
from shared.store.reads import read
from shared.store.writes import put_once, write


class DecisionItems(ExecutionItems):
    """The decided pairs of executions, in partitions of their own: only DecidePairs can write these."""

    def put_decisions(self, execution_id: str, pairs: Iterable[DecidedPair]) -> None:
        """Record decided pairs. One that is recorded already stays as it is."""
        expiry = self.expiry(execution_id)
        keys = [(decision_key(execution_id, pair.source_server_id), pair) for pair in pairs]
        write([put_once(self.table_name, {**key, **to_item(pair), **expiry}) for key, pair in keys])

    def decisions(self, execution_id: str, source_server_ids: Sequence[str]) -> dict[str, DecidedPair]:
        """The decided pairs of these servers, by source server id; servers without one are left out."""
        keys = [decision_key(execution_id, server_id) for server_id in source_server_ids]
        pairs = [from_item(item, DecidedPair) for item in read(self.table_name, keys, consistent=True)]
        return {pair.source_server_id: pair for pair in pairs}


def decision_key(execution_id: str, source_server_id: str) -> dict[str, str]:
    return {
        "pk": f"DECIDED#{execution_id}#{shard_number(source_server_id)}",
        "sk": f"DECIDED#{source_server_id}",
    }
