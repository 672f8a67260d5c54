"""What the report says of the volumes that launches detached: what each content, costs, and became."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shared.model.server import DetachedVolume, RemovedVolume, ServerRecord, VolumeContent
from shared.rules.report.markdown import names, section
from shared.rules.report.volume_costs import monthly_cost_usd

CONTENTS = {
    VolumeContent.TARGET: "what the target had before the failover",
    VolumeContent.COPY: "a copy that a drill ran on, or that was never started",
    VolumeContent.WORKLOAD: "what users wrote on the recovery side",
    VolumeContent.ORIGINAL: "what the original had before the failback, and wrote after the last replication",
}


def volume_entries(
    servers: Sequence[ServerRecord], more: Sequence[DetachedVolume], removed: Sequence[RemovedVolume]
) -> dict[str, Any]:
    """Those detached now and those that are no more. ``more`` goes before what the servers' records say."""
    listed = {volume.volume_id: volume for server in servers for volume in server.detached_volumes}
    listed |= {volume.volume_id: volume for volume in more}
    attached = {volume.volume_id for server in servers for volume in server.drill.attached_after}
    left = [
        volume
        for volume in sorted(listed.values(), key=lambda v: (v.scope, v.instance_id, v.volume_id))
        if volume.volume_id not in attached | {one.volume_id for one in removed}
    ]
    entries = [_entry(volume) for volume in left]
    return {
        "detachedVolumes": entries,
        "detachedVolumesCostPerMonthUsd": round(sum(entry["costPerMonthUsd"] for entry in entries), 2),
        "removedVolumes": [
            {
                "volumeId": one.volume_id,
                "instanceId": one.instance_id,
                "content": one.content.value,
                "removedAt": one.removed_at,
                "deleted": one.deleted,
                "snapshotId": one.snapshot_id,
            }
            for one in sorted(removed, key=lambda one: (one.instance_id, one.volume_id))
        ],
    }


def _entry(volume: DetachedVolume) -> dict[str, Any]:
    return {
        "volumeId": volume.volume_id,
        "instanceId": volume.instance_id,
        "device": volume.device,
        "scope": str(volume.scope),
        "sizeGiB": volume.size_gib,
        "type": volume.type,
        "content": volume.content.value,
        "costPerMonthUsd": monthly_cost_usd(volume),
    }


def volume_section(report: Mapping[str, Any]) -> str:
    """For people: one row for each instance and content."""
    return "\n\n".join(filter(None, (_left(report), _removed(report))))


def _left(report: Mapping[str, Any]) -> str:
    volumes = report.get("detachedVolumes", ())
    places: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for volume in volumes:
        places.setdefault((volume["scope"], volume["instanceId"], volume["content"]), []).append(volume)
    rows = [
        (
            instance_id,
            scope,
            names([volume["volumeId"] for volume in found]),
            CONTENTS[VolumeContent(content)],
            sum(volume["sizeGiB"] for volume in found),
            f"{sum(volume['costPerMonthUsd'] for volume in found):.2f}",
        )
        for (scope, instance_id, content), found in places.items()
    ]
    table = section(
        "Detached volumes", ("Taken from", "Scope", "Volumes", "Content", "GiB", "USD a month"), rows
    )
    if not table:
        return ""
    total = report.get("detachedVolumesCostPerMonthUsd", 0.0)
    careful = any(VolumeContent(volume["content"]).may_be_only_copy for volume in volumes)
    only_copies = " The others may be the only copy: only removeVolumes, with their ids, deletes them."
    return (
        f"{table}\n\nTogether about USD {total:.2f} a month (list prices of us-east-1). Keep them until "
        "users have confirmed their data. A failback deletes those of targets and drills with "
        f"removeDetachedVolumes: true in its request.{only_copies if careful else ''}"
    )


def _removed(report: Mapping[str, Any]) -> str:
    rows = [
        (
            volume["volumeId"],
            volume["instanceId"],
            CONTENTS[VolumeContent(volume["content"])],
            "deleted" if volume["deleted"] else "by others: deleted, or attached",
            volume["snapshotId"],
        )
        for volume in report.get("removedVolumes", ())
    ]
    columns = ("Volume", "Taken from", "Content", "How", "Snapshot")
    return section("Volumes that are detached no more", columns, rows)
