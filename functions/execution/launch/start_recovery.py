"""StartRecovery: one DRS job for one batch of a wave; never a second job for a server."""

from __future__ import annotations

from typing import Any

from shared.aws.cross_account import member_accounts
from shared.aws.drs_client import DrsClient
from shared.aws.ec2_client import Ec2Client
from shared.services.opened_execution import opened
from shared.services.recovery_starter import RecoveryStarter
from shared.settings import ExecutionSettings
from shared.store import execution_store
from shared.task import Task, task


@task
def handler(task: Task) -> dict[str, Any]:
    """``{executionId, wave, batch}`` → ``{batch, outcome, launching, reason, waitSeconds}``.

    ``outcome`` is STARTED, WAIT or NOTHING.
    """
    settings = ExecutionSettings.from_env()
    store = execution_store(settings.executions_table)
    accounts = member_accounts(settings.member_role, settings.external_id)
    batch = task.number("batch")
    servers = store.servers(task.execution_id, task.wave, batch=batch)
    if not servers:
        return {"batch": batch, "outcome": "NOTHING", "launching": 0, "reason": "", "waitSeconds": 0}
    scope = servers[0].scope  # a batch is of one scope
    starter = RecoveryStarter(
        store=store,
        drs=DrsClient(accounts, scope),
        ec2=Ec2Client(accounts, scope),
        execution=opened(store, task.execution_id),
        wave=task.wave,
        batch=batch,
        now=task.now,
    )
    return {"batch": batch, **starter.start(servers)}
