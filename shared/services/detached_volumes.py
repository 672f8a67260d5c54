"""The volumes that launches detach: still there, and still billed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from shared.aws.ec2_client import EbsVolume, Ec2Client
from shared.model.ec2 import Instance, Volume
from shared.model.policies import DrillVolumes, Mode
from shared.model.server import DetachedVolume, ServerRecord, VolumeContent
from shared.rules.report.volume_costs import detached
from shared.services.opened_execution import OpenedExecution

_CONTENT = {
    Mode.FAILOVER: VolumeContent.TARGET,
    Mode.DRILL: VolumeContent.TARGET,
    Mode.FAILBACK: VolumeContent.ORIGINAL,
}


def left_volumes(
    ec2: Ec2Client,
    servers: Sequence[ServerRecord],
    instances: Mapping[str, Instance],
    execution: OpenedExecution,
) -> dict[str, tuple[DetachedVolume, ...]]:
    """By source server id; ``servers`` were just launched in the one scope of ``ec2``, into ``instances``.

    A drill that gives the targets their own volumes back leaves those that it was launched with.
    """
    known = [server for server in servers if server.volumes_before]
    restores = (
        execution.record.mode is Mode.DRILL and execution.policies.drill.volumes is DrillVolumes.RESTORE
    )

    def left(server: ServerRecord) -> tuple[Volume, ...]:
        instance = instances.get(server.pair_instance_id or "")
        if instance is None:
            return ()
        before, now = server.volumes_before, instance.volumes
        return detached(now, before) if restores else detached(before, now)

    content = VolumeContent.COPY if restores else _CONTENT[execution.record.mode]
    volumes = {server.source_server_id: left(server) for server in known}
    ids = sorted({v.volume_id for some in volumes.values() for v in some if v.volume_id})
    found = ec2.volumes(ids)
    return {
        server.source_server_id: tuple(
            _detached_volume(server, volume, found[volume.volume_id], execution, content)
            for volume in volumes[server.source_server_id]
            if volume.volume_id in found
        )
        for server in known
    }


def with_put_back(
    ec2: Ec2Client, server: ServerRecord, off: Sequence[Volume], execution: OpenedExecution
) -> ServerRecord:
    """The server with the volumes ``off`` that come off its target now.

    Those it gets back stay listed until its clean-up has found them attached: an attachment may fail.
    """
    found = ec2.volumes([volume.volume_id for volume in off if volume.volume_id])
    ran = server.start_requested_at is not None or server.started_by_drs
    is_drill = execution.record.mode is Mode.DRILL
    content = VolumeContent.COPY if is_drill or not ran else VolumeContent.WORKLOAD
    listed = {volume.volume_id: volume for volume in server.detached_volumes}
    listed |= {
        v.volume_id: _detached_volume(server, v, found[v.volume_id], execution, content)
        for v in off
        if v.volume_id in found
    }
    return replace(server, detached_volumes=tuple(listed.values()))


def _detached_volume(
    server: ServerRecord, volume: Volume, found: EbsVolume, execution: OpenedExecution, content: VolumeContent
) -> DetachedVolume:
    return DetachedVolume(
        volume_id=found.volume_id,
        instance_id=server.pair_instance_id or "",
        device=volume.device,
        scope=server.scope,
        size_gib=found.size_gib,
        type=found.type,
        detached_by=execution.record.execution_id,
        content=content,
    )
