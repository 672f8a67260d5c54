"""Snapshots of detached volumes, taken before these are deleted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.aws.cross_account import MemberAccounts
from shared.aws.errors import calling
from shared.model.scope import Scope

SNAPSHOT_TAG = "drs-orchestrator:snapshot-of"
IDS_PER_CALL = 200
"""DescribeSnapshots takes 200 values of a filter."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One of ours. ``state``: "pending", "completed", "error", "recoverable" or "recovering"."""

    snapshot_id: str
    volume_id: str
    state: str
    began_at: datetime

    @property
    def is_complete(self) -> bool:
        return self.state == "completed"


class Ec2Snapshots:
    """The snapshots of one scope that carry our tag. Raises AwsCallError."""

    def __init__(self, accounts: MemberAccounts, scope: Scope) -> None:
        self._ec2 = accounts.client("ec2", scope)
        self._scope = scope

    def of(self, volume_ids: Sequence[str]) -> dict[str, Snapshot]:
        """The snapshots of these volumes by volume id, a complete one before others."""
        found: dict[str, Snapshot] = {}
        for start in range(0, len(volume_ids), IDS_PER_CALL):
            for snapshot in self._described(volume_ids[start : start + IDS_PER_CALL]):
                if snapshot.state != "error" and not (
                    snapshot.volume_id in found and found[snapshot.volume_id].is_complete
                ):
                    found[snapshot.volume_id] = snapshot
        return found

    def take(self, volume_id: str, description: str) -> Snapshot:
        """CreateSnapshot, with our tag. It goes on in EC2 for minutes or hours."""
        tag = {"Key": SNAPSHOT_TAG, "Value": volume_id}
        with calling("CreateSnapshot", f"{self._scope} for {volume_id}"):
            answer = self._ec2.create_snapshot(
                VolumeId=volume_id,
                Description=description,
                TagSpecifications=[{"ResourceType": "snapshot", "Tags": [tag]}],
            )
        return Snapshot(answer["SnapshotId"], volume_id, answer["State"], answer["StartTime"])

    def _described(self, volume_ids: Sequence[str]) -> Iterator[Snapshot]:
        filters = [{"Name": f"tag:{SNAPSHOT_TAG}", "Values": list(volume_ids)}]
        with calling("DescribeSnapshots", str(self._scope)):
            pages = self._ec2.get_paginator("describe_snapshots")
            for page in pages.paginate(OwnerIds=["self"], Filters=filters):
                for item in page["Snapshots"]:
                    if item["VolumeId"] in volume_ids:
                        yield Snapshot(item["SnapshotId"], item["VolumeId"], item["State"], item["StartTime"])
