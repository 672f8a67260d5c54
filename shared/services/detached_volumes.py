"""The volumes that launches detach: still there, and still billed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shared.aws.ec2_client import Ec2Client
from shared.model.ec2 import Instance, Volume
from shared.model.policies import DrillVolumes, Mode
from shared.model.server import DetachedVolume, ServerRecord
from shared.rules.report.volume_costs import detached
from shared.services.opened_execution import OpenedExecution


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

    volumes = {server.source_server_id: left(server) for server in known}
    ids = sorted({v.volume_id for some in volumes.values() for v in some if v.volume_id})
    found = ec2.volumes(ids)
    return {
        server.source_server_id: tuple(
            DetachedVolume(
                volume_id=volume.volume_id,
                instance_id=server.pair_instance_id or "",
                device=volume.device,
                scope=ec2.scope,
                size_gib=found[volume.volume_id].size_gib,
                type=found[volume.volume_id].type,
                detached_by=execution.record.execution_id,
            )
            for volume in volumes[server.source_server_id]
            if volume.volume_id in found
        )
        for server in known
    }
