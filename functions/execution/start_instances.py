"""StartInstances: start the launched targets of the wave, now that what they depend on is there."""

from __future__ import annotations

from typing import Any

from shared.cross_account import member_accounts
from shared.ec2_client import Ec2Client
from shared.model import ServerStatus
from shared.settings import ExecutionSettings
from shared.store import ServerChange, execution_store
from shared.task import Task, iso, task


@task
def handler(task: Task) -> dict[str, Any]:
    """``{executionId, wave}`` → ``{starting, failed}``. Starting what runs already is harmless."""
    settings = ExecutionSettings.from_env()
    store = execution_store(settings.executions_table)
    accounts = member_accounts(settings.member_role, settings.external_id)
    launched = [
        server
        for server in store.servers(task.execution_id, task.wave)
        if server.status is ServerStatus.LAUNCHED
    ]
    changes: list[ServerChange] = []
    for scope in sorted({server.scope for server in launched}):
        servers = [server for server in launched if server.scope == scope]
        refused = Ec2Client(accounts, scope).start([server.pair_instance_id or "" for server in servers])
        for server in servers:
            error = refused.get(server.pair_instance_id or "")
            values: dict[str, Any] = {"status": ServerStatus.STARTING, "start_requested_at": iso(task.now)}
            if error:
                values = {
                    "status": ServerStatus.FAILED,
                    "reason": str(error),
                    "remedy": error.explanation.remedy,
                }
            changes.append(ServerChange(server, values))
    done = store.change_servers(task.execution_id, changes, only_from=(ServerStatus.LAUNCHED,))
    starting = sum(server.status is ServerStatus.STARTING for server in done)
    return {"starting": starting, "failed": len(done) - starting}
