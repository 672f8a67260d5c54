"""Records the pairs of replaced targets that a preparation accepts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shared.model.execution import ExecutionRecord
from shared.rules.preparation.accepting import AcceptedPair, accepted_names, is_accepted
from shared.rules.preparation.changes import Outcome, ServerOutcome
from shared.store import ExecutionStore, PairStore

_RIGHT = (Outcome.PREPARED, Outcome.ALREADY_RIGHT)


def accept_pairs(
    store: ExecutionStore, pairs_table: str, record: ExecutionRecord, outcomes: Sequence[ServerOutcome]
) -> list[AcceptedPair]:
    """Put the new target on record for each accepted server that passed every other check.

    Only pairs that DecidePairs decided count. A pair that changes meanwhile stays as it is. Repeating it
    finds them recorded, and gives none.
    """
    names = accepted_names(record)
    if not names:
        return []
    right = {one.source_server_id for one in outcomes if one.outcome in _RIGHT}
    servers = [
        server
        for server in store.servers(record.execution_id)
        if server.source_server_id in right and is_accepted(server, names)
    ]
    pairs = PairStore(pairs_table)
    recorded = pairs.get([server.source_server_id for server in servers])
    changed = [
        (recorded[server.source_server_id], server.pair_instance_id, server.private_ip_before)
        for server in servers
        if server.source_server_id in recorded
        and server.pair_instance_id not in (None, recorded[server.source_server_id].pair_instance_id)
    ]
    done = pairs.put(
        [replace(pair, pair_instance_id=after or "", private_ip=ip) for pair, after, ip in changed]
    )
    return [
        AcceptedPair(pair.name, pair.pair_instance_id, after or "")
        for (pair, after, _), put in zip(changed, done, strict=True)
        if put
    ]
