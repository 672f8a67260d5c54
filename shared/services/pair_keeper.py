"""Updates the record of a pair after an execution: which side runs, its failback, detached volumes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from shared.aws.errors import AwsUnavailableError
from shared.model.drs import SourceServer
from shared.model.execution import ExecutionRecord
from shared.model.pair import PairRecord
from shared.model.policies import Mode
from shared.model.scope import Scope
from shared.model.server import DetachedVolume, ServerRecord, VolumeContent
from shared.model.status import Protection, ServerStatus
from shared.rules.drs.drs_error_handler import explain
from shared.store import ExecutionStore, LockStore, PairStore, server_lock
from shared.store.connection import CONFLICT

TRIES = 20
"""Few write a pair at once: another closure of this execution, and the execution that has the lock."""


class PairKeeper:
    """Remembers the pairs of one execution. Repeating it is harmless, and so is being late.

    An execution that was killed may be closed when another one has moved the server since, and two may
    write at once. The execution that has the server's lock writes last; any other moves a pair only if none
    has since it read. A pair that changed after it was read is read again before it is written.
    """

    def __init__(
        self,
        store: ExecutionStore,
        pairs_table: str,
        record: ExecutionRecord,
        moved: Mapping[str, str] | None = None,
    ) -> None:
        """``moved``: when those were started that moved without a record, see ``workload_sides``."""
        self._store = store
        self._locks = LockStore(store.table_name)
        self._pairs = PairStore(pairs_table)
        self._mode = record.mode
        self._execution_id = record.execution_id
        self._moved = moved or {}

    def keep(self, servers: Sequence[ServerRecord], removed: Collection[str] = ()) -> dict[str, PairRecord]:
        """Remember the pairs of those of ``servers`` that moved; the recorded pairs of all, as they are.

        ``removed``: volumes that are no more. Raises AwsUnavailableError.
        """
        ids = [server.source_server_id for server in servers]
        facts = self._store.facts(self._execution_id, SourceServer, ids)
        sources = {fact.source_server_id: fact for fact in facts}
        for _ in range(TRIES):
            recorded = self._pairs.get(ids)
            kept = self._kept(servers, recorded, sources, removed)
            changed = [pair for key, pair in kept.items() if pair != recorded.get(key)]
            if all(self._pairs.put(changed)):
                return recorded | kept
            servers = self._again(servers)
        message = f"The pairs of execution {self._execution_id} change as fast as they are read."
        raise AwsUnavailableError(message, CONFLICT, explain(CONFLICT, message, "PutItem"))

    def _kept(
        self,
        servers: Sequence[ServerRecord],
        recorded: Mapping[str, PairRecord],
        sources: Mapping[str, SourceServer],
        removed: Collection[str],
    ) -> dict[str, PairRecord]:
        recovered = [server for server in servers if server.status is ServerStatus.RECOVERED]
        recovered += [
            replace(server, verified_at=at)
            for server in servers
            if (at := self._moved.get(server.source_server_id))
        ]
        moved = self._moved_by_others(recovered, recorded)
        kept = {
            server.source_server_id: kept_pair(
                recorded.get(server.source_server_id),
                server,
                sources.get(server.source_server_id),
                mode=self._mode,
                execution_id=self._execution_id,
                moved_since=server.source_server_id in moved,
                removed=removed,
            )
            for server in recovered
        }
        began = self._launches_began(recovered)
        return {
            key: replace(
                pair,
                last_launch_at=began.get(key) if self._moved_away(pair) else pair.last_launch_at,
                unverified=key in self._moved or pair.unverified,
            )
            for key, pair in kept.items()
            if pair is not None
        }

    def _moved_away(self, pair: PairRecord) -> bool:
        return pair.moved_by == self._execution_id and pair.workload_side == "RECOVERY"

    def _launches_began(self, servers: Sequence[ServerRecord]) -> dict[str, str | None]:
        """When the launch of each server began, as far as this execution started it."""
        if self._mode is not Mode.FAILOVER or not servers:
            return {}
        jobs = {job.job_id: job.created_at for job in self._store.jobs(self._execution_id)}
        return {s.source_server_id: jobs.get(s.job_id or "", s.launched_at) for s in servers}

    def _moved_by_others(
        self, servers: Sequence[ServerRecord], recorded: Mapping[str, PairRecord]
    ) -> set[str]:
        """Servers that others have moved since this execution read them, and whose lock it has lost."""
        others = [
            server.source_server_id
            for server in servers
            if (pair := recorded.get(server.source_server_id))
            and pair.moved_by not in (self._execution_id, server.pair_moved_by)
        ]
        holders = self._locks.holders([server_lock(server_id) for server_id in others])
        return {one for one in others if holders.get(server_lock(one)) != self._execution_id}

    def _again(self, servers: Sequence[ServerRecord]) -> list[ServerRecord]:
        """The servers as they are now: a clean-up may have put some back meanwhile."""
        now = {server.source_server_id: server for server in self._store.servers(self._execution_id)}
        return [now.get(server.source_server_id, server) for server in servers]


def kept_pair(
    pair: PairRecord | None,
    server: ServerRecord,
    source: SourceServer | None,
    *,
    mode: Mode,
    execution_id: str,
    moved_since: bool = False,
    removed: Collection[str] = (),
) -> PairRecord | None:
    """The pair of a recovered server as it is from now on; None: there is nothing to remember.

    ``source``: the source server of the recovery side; ``moved_since``: whether another execution has moved
    the server after this one. A drill changes no side, and a server that was failed back before
    keeps the execution that did it.
    """
    left = _left(pair, server, removed)
    if mode is Mode.DRILL or moved_since:
        return _drilled(pair, server, left) if pair else None
    if mode is Mode.FAILOVER and server.drill.cleaned_up_at is not None:  # it was recovered, and put back
        if pair is None:
            return None
        return replace(pair, workload_side="ORIGIN", moved_by=execution_id, detached_volumes=left)
    if mode is Mode.FAILOVER:
        return _failed_over(pair, server, source, execution_id, left)
    if pair and pair.workload_side == "ORIGIN" and server.verified_at is None:
        return replace(pair, detached_volumes=left, reversed_server_id=_not_retired(server))
    return _failed_back(pair, server, source, execution_id, left)


def _left(
    pair: PairRecord | None, server: ServerRecord, removed: Collection[str]
) -> tuple[DetachedVolume, ...]:
    """The detached volumes of both sides from now on; what is known of one already stays so."""
    left = {volume.volume_id: volume for volume in pair.detached_volumes} if pair else {}
    for volume in server.detached_volumes:
        left.setdefault(volume.volume_id, replace(volume, content=_content(volume, pair)))
    attached = {volume.volume_id for volume in server.drill.attached_after}
    return tuple(volume for key, volume in left.items() if key not in removed and key not in attached)


def _content(volume: DetachedVolume, pair: PairRecord | None) -> VolumeContent:
    """A target whose workload no failback of ours has brought back may have been written to by users."""
    is_back = pair is None or pair.moved_by == pair.last_failback
    return volume.content if is_back or volume.content is not VolumeContent.TARGET else VolumeContent.WORKLOAD


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
        private_ip=server.private_ip_after or server.private_ip_before,
        original_private_ip=server.original_private_ip or (pair.original_private_ip if pair else None),
        staging_account=source.staging_account if source else None,
        workload_side="RECOVERY",
        last_failover=execution_id,
        last_failover_at=server.verified_at,
        original_scope=origin or (pair.original_scope if pair else None),
        last_failback=pair.last_failback if pair else None,
        last_failback_at=pair.last_failback_at if pair else None,
        detached_volumes=left,
        moved_by=execution_id,
        revision=pair.revision if pair else 0,
    )


def _failed_back(
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
        scope=server.failback.workload_scope or server.scope,
        pair_instance_id=server.failback.workload_instance_id or "",
        original_instance_id=server.pair_instance_id,
        private_ip=server.failback.workload_private_ip,
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
        moved_by=execution_id,
        reversed_server_id=_not_retired(server),
        unverified=False,
    )


def _not_retired(server: ServerRecord) -> str | None:
    back = server.failback
    return None if back.protection is Protection.RETIRED else back.reversed_server_id


def _drilled(pair: PairRecord, server: ServerRecord, left: tuple[DetachedVolume, ...]) -> PairRecord:
    """Before a drill launches, it retires what a failback has left."""
    reversed_id = None if server.failback.retired_at else pair.reversed_server_id
    return replace(pair, detached_volumes=left, reversed_server_id=reversed_id)


def _origin_of(source: SourceServer | None) -> Scope | None:
    if source is None or not source.origin_account or not source.origin_region:
        return None
    return Scope(source.origin_account, source.origin_region)
