"""The instances that run the workloads of servers in a failback."""

from __future__ import annotations

from collections.abc import Sequence

from shared.aws.cross_account import MemberAccounts
from shared.aws.ec2_client import Ec2Client
from shared.model.ec2 import Instance
from shared.model.scope import Scope
from shared.model.server import ServerRecord


def workloads(
    accounts: MemberAccounts, scope: Scope, servers: Sequence[ServerRecord]
) -> dict[str, Instance | None]:
    """The workload instances of servers of one workload scope, by source server id."""
    ids = [server.workload_instance_id or "" for server in servers]
    found = {instance.instance_id: instance for instance in Ec2Client(accounts, scope).instances(ids)}
    return {server.source_server_id: found.get(server.workload_instance_id or "") for server in servers}
