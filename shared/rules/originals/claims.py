"""Which instances more than one source server names as its original, and which of the claims count.

The claims are those of all source servers of a recovery scope, whatever plan they belong to, and of the
records of all pairs. A record is dead, and does not count, where its server is DISCONNECTED or STOPPED, is
not in its scope any more, or was not seen for a day while another one was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from shared.model.drs import SourceServer
from shared.model.original import ContestedOriginal, OriginalClaim
from shared.model.pair import PairRecord
from shared.model.scope import Scope
from shared.times import parse_time

UNSEEN = timedelta(hours=24)
_DEAD = ("DISCONNECTED", "STOPPED")
_AT_ORIGIN = "ORIGIN"


def contested_originals(
    scope: Scope, listed: Iterable[SourceServer], pairs: Iterable[PairRecord], now: datetime
) -> list[ContestedOriginal]:
    """The contested originals. ``listed``: every source server of the recovery scope ``scope``."""
    servers = {server.source_server_id: server for server in listed}
    claims: defaultdict[str, dict[str, OriginalClaim]] = defaultdict(dict)
    for server in servers.values():
        if server.original_instance_id and server.replication_direction == "FAILOVER":
            claim = OriginalClaim(server.source_server_id, server.name, server.scope)
            claims[server.original_instance_id][server.source_server_id] = claim
    for pair in pairs:
        if pair.original_instance_id:
            runs_there = pair.workload_side == _AT_ORIGIN
            claim = OriginalClaim(pair.source_server_id, pair.name, pair.scope, runs_there=runs_there)
            claims[pair.original_instance_id][pair.source_server_id] = claim
    return [
        ContestedOriginal(instance_id, _judged(tuple(known.values()), scope, servers, now))
        for instance_id, known in claims.items()
        if len(known) > 1
    ]


def ambiguity(contested: ContestedOriginal | None, source_server_id: str) -> tuple[OriginalClaim, ...]:
    """The claims of others, where the server's own and at least one other count; else none."""
    counting = [claim for claim in contested.claims if claim.counts] if contested else []
    others = tuple(claim for claim in counting if claim.source_server_id != source_server_id)
    return others if len(others) < len(counting) else ()


def running_there(contested: ContestedOriginal | None, source_server_id: str) -> tuple[OriginalClaim, ...]:
    """The claims of other servers whose workload runs on the instance by our records, dead or alive."""
    claims = contested.claims if contested else ()
    return tuple(c for c in claims if c.runs_there and c.source_server_id != source_server_id)


def _judged(
    claims: Sequence[OriginalClaim], scope: Scope, servers: Mapping[str, SourceServer], now: datetime
) -> tuple[OriginalClaim, ...]:
    seen = {claim.source_server_id for claim in claims if _is_seen(servers.get(claim.source_server_id), now)}

    def counts(claim: OriginalClaim) -> bool:
        server = servers.get(claim.source_server_id)
        if server is None:
            return claim.scope != scope  # not in its scope any more; of others only the record is known
        if server.replication_state in _DEAD:
            return False
        return claim.source_server_id in seen or not seen

    return tuple(replace(claim, counts=counts(claim)) for claim in claims)


def _is_seen(server: SourceServer | None, now: datetime) -> bool:
    if server is None or server.replication_state in _DEAD or server.last_seen is None:
        return False
    return now - parse_time(server.last_seen) < UNSEEN
