"""Stops the instances of one scope that DRS is to launch into."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from shared.aws.ec2_client import Ec2Client
from shared.model.policies import Mode, Policies
from shared.model.server import Change, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.launch.stopping import awaiting_stop, may_stop


def stop_targets(
    ec2: Ec2Client, servers: Sequence[ServerRecord], policies: Policies, mode: Mode, now: datetime
) -> tuple[list[Change], int]:
    """One change for each server that has one, and how many of the servers wait for their instance."""
    ids = [server.pair_instance_id or "" for server in servers]
    instances = {instance.instance_id: instance for instance in ec2.instances(ids)}
    after = {
        server.source_server_id: awaiting_stop(
            server,
            instances.get(i),
            mode,
            may_stop=may_stop(policies, mode, server, instances.get(i)),
            now=now,
        )
        for i, server in zip(ids, servers, strict=True)
    }
    waiting = [
        instances[server.pair_instance_id or ""]
        for server in after.values()
        if server.status is not ServerStatus.FAILED
    ]
    not_stopped = [instance for instance in waiting if instance.state != "stopped"]
    refused = ec2.stop([instance.instance_id for instance in not_stopped if instance.state == "running"])
    for i, server in zip(ids, servers, strict=True):
        if error := refused.get(i):
            after[server.source_server_id] = server.failed(str(error), error.explanation.remedy)
    changes = [Change(server, after[server.source_server_id]) for server in servers]
    return [change for change in changes if change.values], len(not_stopped) - len(refused)
