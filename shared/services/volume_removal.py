"""The volumes that launches detached: found, and removed only on request.

Guards of different evidence protect a volume. It is one that we recorded as detached by a launch, and that
EC2 shows as available. It carries our tag, put on here: IAM lets the retire role delete no other volume.
One that may be the only copy of something is deleted only if the request names it, after a snapshot.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from shared.aws.cross_account import MemberAccounts
from shared.aws.ec2_client import EbsVolume, Ec2Client
from shared.aws.ec2_snapshots import Ec2Snapshots, Snapshot
from shared.aws.errors import AwsCallError
from shared.model.finding import Finding, Severity
from shared.model.pair import PairRecord
from shared.model.scope import Scope
from shared.model.server import DetachedVolume, RemovedVolume, ServerRecord
from shared.store import ExecutionStore
from shared.times import iso

DETACHED_TAG = "drs-orchestrator:detached-from"
CALLERS = 10
SNAPSHOT_TIMEOUT = timedelta(minutes=30)
"""How long a failback waits for a snapshot."""


@dataclass(frozen=True, slots=True)
class Removal:
    """What a request lets be deleted: all that exists elsewhere, and the volumes that it names.

    ``snapshot``: of what may be the only copy, before it is deleted.
    """

    all_copies: bool = False
    named: Collection[str] = ()
    snapshot: bool = True

    def takes(self, volume: DetachedVolume) -> bool:
        return volume.volume_id in self.named or (self.all_copies and not volume.content.may_be_only_copy)

    def needs_snapshot(self, volume: DetachedVolume) -> bool:
        return self.snapshot and volume.content.may_be_only_copy


class VolumeRemover:
    """For servers that are failed back, protected and retired."""

    def __init__(
        self,
        store: ExecutionStore,
        accounts: MemberAccounts,
        *,
        execution_id: str,
        removal: Removal,
        now: datetime,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._id = execution_id
        self._removal = removal
        self._now = now

    def settle(self, servers: Sequence[ServerRecord], pairs: Mapping[str, PairRecord]) -> int:
        """Record which detached volumes are no more, and delete those that the request lets be deleted.

        Returns how many wait for their snapshot. After ``SNAPSHOT_TIMEOUT`` they are left, with a finding.
        Safe to repeat.
        """
        if not servers:
            return 0
        known = {fact.volume_id for fact in self._store.facts(self._id, RemovedVolume)}
        volumes = detached_volumes(servers, pairs)
        left = [volume for volume in volumes.values() if volume.volume_id not in known]
        waiting = [
            snapshot
            for scope in sorted({volume.scope for volume in left})
            for snapshot in self._settle_scope(scope, [volume for volume in left if volume.scope == scope])
        ]
        late = [snapshot for snapshot in waiting if self._now - snapshot.began_at > SNAPSHOT_TIMEOUT]
        self._store.put_facts(self._id, [_unfinished(snapshot) for snapshot in late])
        return len(waiting) - len(late)

    def _settle_scope(self, scope: Scope, volumes: Sequence[DetachedVolume]) -> list[Snapshot]:
        ec2 = Ec2Client(self._accounts, scope)
        found = ec2.volumes([volume.volume_id for volume in volumes])
        there = [volume for volume in volumes if _is_detached(found.get(volume.volume_id))]
        facts: list[object] = [
            RemovedVolume(volume.volume_id, volume.instance_id, volume.content, iso(self._now))
            for volume in volumes
            if volume not in there
        ]
        wanted = [volume for volume in there if self._removal.takes(volume)]
        snapshots = Ec2Snapshots(self._accounts, scope)
        careful = [volume.volume_id for volume in wanted if self._removal.needs_snapshot(volume)]
        taken = snapshots.of(careful) if careful else {}
        remove = partial(self._remove, ec2, snapshots, found, taken)
        with ThreadPoolExecutor(CALLERS) as pool:
            results = list(pool.map(remove, wanted))
        facts += [result for result in results if not isinstance(result, Snapshot)]
        self._store.put_facts(self._id, facts)
        return [result for result in results if isinstance(result, Snapshot)]

    def _remove(
        self,
        ec2: Ec2Client,
        snapshots: Ec2Snapshots,
        found: Mapping[str, EbsVolume],
        taken: Mapping[str, Snapshot],
        volume: DetachedVolume,
    ) -> RemovedVolume | Finding | Snapshot:
        """The next step for one volume: the snapshot that it waits for, or how it ended."""
        name, snapshot = volume.volume_id, taken.get(volume.volume_id)
        try:
            if DETACHED_TAG not in found[name].tags:
                ec2.create_tags([name], {DETACHED_TAG: volume.instance_id})
            if self._removal.needs_snapshot(volume):
                snapshot = snapshot or snapshots.take(
                    name, f"{volume.content} volume of {volume.instance_id} before its removal, {self._id}"
                )
                if not snapshot.is_complete:
                    return snapshot
            ec2.delete_volume(name)
        except AwsCallError as error:
            return _kept(volume, error)
        return RemovedVolume(
            name,
            volume.instance_id,
            volume.content,
            iso(self._now),
            deleted=True,
            snapshot_id=snapshot.snapshot_id if snapshot else None,
        )


def detached_volumes(
    servers: Sequence[ServerRecord], pairs: Mapping[str, PairRecord]
) -> dict[str, DetachedVolume]:
    """All that launches of this and earlier executions detached, by id; what the pair says goes before."""
    volumes = {volume.volume_id: volume for server in servers for volume in server.detached_volumes}
    recorded = [pairs[key] for server in servers if (key := server.source_server_id) in pairs]
    return volumes | {volume.volume_id: volume for pair in recorded for volume in pair.detached_volumes}


def not_known(named: Collection[str], known: Collection[str]) -> list[Finding]:
    """A finding for each volume that the request names and that no launch of ours detached."""
    return [
        _not_removed(
            f"{volume_id} is not known to have been detached by a launch of these servers.",
            "Take an id from *Detached volumes* of the report; delete any other volume yourself.",
        )
        for volume_id in named
        if volume_id not in known
    ]


def _is_detached(volume: EbsVolume | None) -> bool:
    """Whether it exists, unattached: a drill's clean-up or an operator may have attached it."""
    return volume is not None and volume.state == "available"


def _kept(volume: DetachedVolume, error: AwsCallError) -> Finding:
    return _not_removed(
        f"{volume.volume_id} in {volume.scope} could not be removed: {error}",
        f"{error.explanation.remedy} Then run the failback again with the same request: it tries once more.",
    )


def _unfinished(snapshot: Snapshot) -> Finding:
    return _not_removed(
        f"{snapshot.volume_id} was not removed: its snapshot {snapshot.snapshot_id} is {snapshot.state}.",
        "When it is complete, run the failback again with the same request: it removes the volume then.",
    )


def _not_removed(found: str, remedy: str) -> Finding:
    return Finding("VOLUME_NOT_REMOVED", Severity.WARNING, found, remedy)
