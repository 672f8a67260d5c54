"""VerifyLaunches: every server was launched into its very pair, and DRS left it stopped.

A completed job says nothing about servers: the recovery instance and EC2 do. What the launch detached is
recorded: it is still billed.
"""

from __future__ import annotations

from typing import Any

from shared.aws.drs_client import DrsClient
from shared.aws.ec2_client import Ec2Client
from shared.model.scope import Scope
from shared.model.server import Change, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.launch.launched_into import launched_into_pair
from shared.services.detached_volumes import left_volumes
from shared.settings import ConfigurationSettings
from shared.task import Run, task


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId, wave}`` → ``{confirmed, failed, startedByDrs}``."""
    launched = run.store.servers(run.execution_id, run.wave, statuses=(ServerStatus.LAUNCHED,))
    changes: list[Change] = []
    for scope in sorted({server.scope for server in launched}):
        changes += _verified(run, scope, [server for server in launched if server.scope == scope])
    done = run.store.change_servers(run.execution_id, changes, only_from=(ServerStatus.LAUNCHED,))
    confirmed = [server for server in done if server.status is ServerStatus.LAUNCHED]
    return {
        "confirmed": len(confirmed),
        "failed": len(done) - len(confirmed),
        "startedByDrs": sum(server.started_by_drs for server in confirmed),
    }


def _verified(run: Run[ConfigurationSettings], scope: Scope, servers: list[ServerRecord]) -> list[Change]:
    ids = [server.drs_server_id for server in servers]
    recovery = {i.source_server_id: i for i in DrsClient(run.accounts, scope).recovery_instances(ids)}
    ec2 = Ec2Client(run.accounts, scope)
    instances = {i.instance_id: i for i in ec2.instances([s.pair_instance_id or "" for s in servers])}
    detached = left_volumes(ec2, servers, instances, run.execution)
    return [
        Change(
            server,
            launched_into_pair(
                server,
                recovery.get(server.drs_server_id),
                instances.get(server.pair_instance_id or ""),
                detached.get(server.source_server_id, ()),
            ),
        )
        for server in servers
    ]
