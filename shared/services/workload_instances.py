"""The two instances of a server in a failback: its original, and the one that runs its workload."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from shared.aws.cross_account import MemberAccounts
from shared.aws.ec2_client import Ec2Client
from shared.aws.errors import AwsCallError
from shared.model.ec2 import Instance
from shared.model.scope import Scope
from shared.model.server import ServerRecord
from shared.rules.failback.workloads import by_workload_scope, is_stopped

Instances = Mapping[str, Instance | None]
"""By source server id; None where there is no such instance."""


def workloads(
    accounts: MemberAccounts, scope: Scope, servers: Sequence[ServerRecord]
) -> dict[str, Instance | None]:
    """The workload instances of servers of one workload scope, by source server id."""
    ids = [server.failback.workload_instance_id or "" for server in servers]
    found = {instance.instance_id: instance for instance in Ec2Client(accounts, scope).instances(ids)}
    return {
        server.source_server_id: found.get(server.failback.workload_instance_id or "") for server in servers
    }


def originals(accounts: MemberAccounts, servers: Sequence[ServerRecord]) -> dict[str, Instance | None]:
    """The original instances by source server id. Their state decides, so they must be readable."""
    found: dict[str, Instance] = {}
    for scope in sorted({server.scope for server in servers}):
        ids = [server.pair_instance_id or "" for server in servers if server.scope == scope]
        found |= {instance.instance_id: instance for instance in Ec2Client(accounts, scope).instances(ids)}
    return {server.source_server_id: found.get(server.pair_instance_id or "") for server in servers}


def restart_workloads(
    accounts: MemberAccounts, servers: Sequence[ServerRecord], work: Instances, origin: Instances
) -> dict[str, str]:
    """Take the next step for each server: stop its original, then start its workload instance.

    Returns the errors of those that EC2 refused, by source server id.
    """
    refused: dict[str, str] = {}
    for scope in sorted({server.scope for server in servers}):
        running = _in_state([s for s in servers if s.scope == scope], origin, "running")
        refused |= _texts(running, Ec2Client(accounts, scope).stop(list(running)))
    for scope, members in by_workload_scope(servers):
        free = [server for server in members if is_stopped(origin[server.source_server_id])]
        stopped = _in_state(free, work, "stopped")
        to_start = [found for server in free if (found := work[server.source_server_id])]
        ec2 = Ec2Client(accounts, scope)
        refused |= _texts(stopped, ec2.start(one for one in to_start if one.instance_id in stopped))
    return refused


def _in_state(servers: Iterable[ServerRecord], instances: Instances, state: str) -> dict[str, str]:
    """The source server ids of servers whose instance is in this state, by instance id."""
    known = {server.source_server_id: instances[server.source_server_id] for server in servers}
    return {i.instance_id: server_id for server_id, i in known.items() if i and i.state == state}


def _texts(servers: Mapping[str, str], errors: Mapping[str, AwsCallError]) -> dict[str, str]:
    return {servers[instance_id]: str(error) for instance_id, error in errors.items()}
