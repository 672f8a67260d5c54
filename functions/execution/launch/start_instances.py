"""StartInstances: start what the wave launched, now that what it depends on is there.

In a failback no original is started while its workload runs on the recovery side: one side at a time.
"""

from __future__ import annotations

from typing import Any

from shared.aws.cross_account import MemberAccounts
from shared.aws.ec2_client import Ec2Client
from shared.model.server import ServerChange, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.failback.workloads import at_rest, by_workload_scope
from shared.services.withdrawals import WITHDRAWABLE, withdraw
from shared.services.workload_instances import workloads
from shared.settings import ExecutionSettings
from shared.task import Run, task
from shared.times import iso


@task(ExecutionSettings)
def handler(run: Run[ExecutionSettings]) -> dict[str, Any]:
    """``{executionId, wave}`` → ``{starting, failed}``. Starting what runs already is harmless."""
    store = run.store
    accounts = run.accounts
    record = store.execution(run.execution_id)
    wave = store.wave(run.execution_id, run.wave)
    servers = store.servers(run.execution_id, run.wave, statuses=WITHDRAWABLE)
    servers = withdraw(store, record, wave, servers)
    launched = [server for server in servers if server.status is ServerStatus.LAUNCHED]
    changes = _held(accounts, launched)
    held = {change.server.source_server_id for change in changes}
    launched = [server for server in launched if server.source_server_id not in held]
    for scope in sorted({server.scope for server in launched}):
        servers = [server for server in launched if server.scope == scope]
        refused = Ec2Client(accounts, scope).start([server.pair_instance_id or "" for server in servers])
        for server in servers:
            error = refused.get(server.pair_instance_id or "")
            values: dict[str, Any] = {"status": ServerStatus.STARTING, "start_requested_at": iso(run.now)}
            if error:
                values = {
                    "status": ServerStatus.FAILED,
                    "reason": str(error),
                    "remedy": error.explanation.remedy,
                }
            changes.append(ServerChange(server, values))
    done = store.change_servers(run.execution_id, changes, only_from=(ServerStatus.LAUNCHED,))
    wave = store.wave(run.execution_id, run.wave)
    if wave.start_began_at is None:  # it was started early
        store.change_wave(run.execution_id, run.wave, {"start_began_at": iso(run.now)})
    starting = sum(server.status is ServerStatus.STARTING for server in done)
    return {"starting": starting, "failed": len(done) - starting}


def _held(accounts: MemberAccounts, launched: list[ServerRecord]) -> list[ServerChange]:
    """Servers that must not be started: their workload runs on the other side."""
    changes = []
    for scope, servers in by_workload_scope(launched):
        instances = workloads(accounts, scope, servers)
        for server in servers:
            instance = instances[server.source_server_id]
            if instance is not None and not at_rest(instance):
                values = {
                    "status": ServerStatus.FAILED,
                    "reason": f"Its workload instance {instance.instance_id} is {instance.state}: somebody "
                    "started it after it was stopped. The original was not started.",
                    "remedy": "Find out who did, then run the failback again for this server.",
                }
                changes.append(ServerChange(server, values))
    return changes
