"""What is remembered of a pair after an execution: which side runs, the way back, volumes left behind."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from shared.model import DetachedVolume, Mode, PairRecord, Scope, ServerRecord, ServerStatus, SourceServer
from shared.store import PairStore
from shared.task import parse_time


def keep_pairs(
    pairs: PairStore,
    servers: Sequence[ServerRecord],
    sources: Mapping[str, SourceServer],
    *,
    mode: Mode,
    execution_id: str,
    removed: Collection[str] = (),
) -> dict[str, PairRecord]:
    """Remember the pairs of those of ``servers`` that recovered; the recorded pairs of all, as they are then.

    ``sources``: the source servers of the recovery side by id; ``removed``: volumes that are no more.
    Repeating it is harmless.
    """
    recorded = pairs.get([server.source_server_id for server in servers])
    kept = {
        server.source_server_id: kept_pair(
            recorded.get(server.source_server_id),
            server,
            sources.get(server.source_server_id),
            mode=mode,
            execution_id=execution_id,
            removed=removed,
        )
        for server in servers
        if server.status is ServerStatus.RECOVERED
    }
    changed = [pair for key, pair in kept.items() if pair is not None and pair != recorded.get(key)]
    pairs.put(changed)
    return recorded | {pair.source_server_id: pair for pair in changed}


def kept_pair(
    pair: PairRecord | None,
    server: ServerRecord,
    source: SourceServer | None,
    *,
    mode: Mode,
    execution_id: str,
    removed: Collection[str] = (),
) -> PairRecord | None:
    """The pair of a recovered server as it is from now on; None: there is nothing to remember.

    A drill changes no side, and a server that was home before this failback keeps the one that brought it.
    """
    known = {volume.volume_id: volume for volume in pair.detached_volumes} if pair else {}
    known |= {volume.volume_id: volume for volume in server.detached_volumes}
    left = tuple(volume for volume in known.values() if volume.volume_id not in removed)
    if mode is Mode.DRILL:
        return replace(pair, detached_volumes=left) if pair else None
    if pair and _moved_since(pair, server, mode):
        return replace(pair, detached_volumes=left)
    if mode is Mode.FAILOVER and server.cleaned_up_at is not None:  # it was recovered, and put back
        return replace(pair, workload_side="ORIGIN", detached_volumes=left) if pair else None
    if mode is Mode.FAILOVER:
        return _failed_over(pair, server, source, execution_id, left)
    if pair and pair.workload_side == "ORIGIN" and server.verified_at is None:
        return replace(pair, detached_volumes=left)
    return _brought_home(pair, server, source, execution_id, left)


def _moved_since(pair: PairRecord, server: ServerRecord, mode: Mode) -> bool:
    """Whether the server has gone the other way since: an execution that was killed may be closed late."""
    other_way = pair.last_failback_at if mode is Mode.FAILOVER else pair.last_failover_at
    if other_way is None or server.verified_at is None:
        return False
    return parse_time(other_way) > parse_time(server.verified_at)


def _failed_over(
    pair: PairRecord | None,
    server: ServerRecord,
    source: SourceServer | None,
    execution_id: str,
    left: tuple[DetachedVolume, ...],
) -> PairRecord:
    origin = _origin_of(source)
    return PairRecord(
        source_server_id=server.source_server_id,
        name=server.name,
        scope=server.scope,
        pair_instance_id=server.pair_instance_id or "",
        original_instance_id=server.original_instance_id,
        private_ip=server.private_ip_after,
        original_private_ip=server.original_private_ip or (pair.original_private_ip if pair else None),
        staging_account=source.staging_account if source else None,
        workload_side="RECOVERY",
        last_failover=execution_id,
        last_failover_at=server.verified_at,
        original_scope=origin or (pair.original_scope if pair else None),
        last_failback=pair.last_failback if pair else None,
        last_failback_at=pair.last_failback_at if pair else None,
        detached_volumes=left,
    )


def _brought_home(
    pair: PairRecord | None,
    server: ServerRecord,
    source: SourceServer | None,
    execution_id: str,
    left: tuple[DetachedVolume, ...],
) -> PairRecord:
    """Without a record (failed over by hand) it is made: the next failover finds its target by it."""
    before = pair or PairRecord(
        source_server_id=server.source_server_id,
        name=server.name,
        scope=server.workload_scope or server.scope,
        pair_instance_id=server.workload_instance_id or "",
        original_instance_id=server.pair_instance_id,
        private_ip=server.workload_private_ip,
        original_private_ip=server.private_ip_after or server.private_ip_before,
        staging_account=source.staging_account if source else None,
        workload_side="ORIGIN",
    )
    return replace(
        before,
        workload_side="ORIGIN",
        original_scope=server.scope,
        original_private_ip=before.original_private_ip or server.private_ip_after,
        last_failback=execution_id,
        last_failback_at=server.verified_at,
        detached_volumes=left,
    )


def _origin_of(source: SourceServer | None) -> Scope | None:
    if source is None or not source.origin_account or not source.origin_region:
        return None
    return Scope(source.origin_account, source.origin_region)
