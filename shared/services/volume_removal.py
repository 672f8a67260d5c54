"""The volumes that launches detached: looked for, and removed only on request.

Two guards protect a volume. It is one that we recorded as detached by a launch, and that EC2 shows as
available. And it carries our tag, put on here: IAM lets the retire role delete no other volume.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from shared.aws.cross_account import MemberAccounts
from shared.aws.ec2_client import EbsVolume, Ec2Client
from shared.aws.errors import AwsCallError
from shared.model.finding import Finding, Severity
from shared.model.pair import PairRecord
from shared.model.server import DetachedVolume, RemovedVolume, ServerRecord
from shared.store import ExecutionStore
from shared.times import iso

DETACHED_TAG = "drs-orchestrator:detached-from"
CALLERS = 10


class VolumeRemover:
    """For servers that are failed back, protected and retired."""

    def __init__(
        self,
        store: ExecutionStore,
        accounts: MemberAccounts,
        *,
        execution_id: str,
        remove: bool,
        now: datetime,
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._id = execution_id
        self._remove = remove
        self._now = now

    def settle(self, servers: Sequence[ServerRecord], pairs: Mapping[str, PairRecord]) -> None:
        """Record which detached volumes no longer exist; with ``remove``, delete those that are available."""
        known = {fact.volume_id for fact in self._store.facts(self._id, RemovedVolume)} if servers else set()
        volumes = {
            volume.volume_id: volume
            for server in servers
            for volume in (*_recorded(pairs.get(server.source_server_id)), *server.detached_volumes)
            if volume.volume_id not in known
        }
        for scope in sorted({volume.scope for volume in volumes.values()}):
            ec2 = Ec2Client(self._accounts, scope)
            own = [volume for volume in volumes.values() if volume.scope == scope]
            found = ec2.volumes([volume.volume_id for volume in own])
            removed = [v for v in own if not _is_detached(found.get(v.volume_id))]
            if self._remove:
                removed += self._removed(ec2, [v for v in own if _is_detached(found.get(v.volume_id))], found)
            self._store.put_facts(self._id, [RemovedVolume(v.volume_id, iso(self._now)) for v in removed])

    def _removed(
        self, ec2: Ec2Client, volumes: Sequence[DetachedVolume], found: Mapping[str, EbsVolume]
    ) -> list[DetachedVolume]:
        def remove(volume: DetachedVolume) -> AwsCallError | None:
            try:
                if DETACHED_TAG not in found[volume.volume_id].tags:
                    ec2.create_tags([volume.volume_id], {DETACHED_TAG: volume.instance_id})
                ec2.delete_volume(volume.volume_id)
            except AwsCallError as error:
                return error
            return None

        with ThreadPoolExecutor(CALLERS) as pool:
            errors = list(pool.map(remove, volumes))
        self._store.put_facts(
            self._id,
            [_kept(volume, error) for volume, error in zip(volumes, errors, strict=True) if error],
        )
        return [volume for volume, error in zip(volumes, errors, strict=True) if error is None]


def _recorded(pair: PairRecord | None) -> tuple[DetachedVolume, ...]:
    return pair.detached_volumes if pair else ()


def _is_detached(volume: EbsVolume | None) -> bool:
    """Whether it exists, unattached: a drill's clean-up or an operator may have attached it."""
    return volume is not None and volume.state == "available"


def _kept(volume: DetachedVolume, error: AwsCallError) -> Finding:
    return Finding(
        code="VOLUME_NOT_REMOVED",
        severity=Severity.WARNING,
        found=f"{volume.volume_id} in {volume.scope} could not be removed: {error}",
        remedy=f"aws ec2 delete-volume --volume-id {volume.volume_id} --region {volume.scope.region}",
    )
