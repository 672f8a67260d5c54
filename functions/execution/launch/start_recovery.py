"""StartRecovery: one DRS job for one lot of a wave; never a second job for a server."""

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
    """``{executionId, wave, lot}`` → ``{lot, outcome, launching, reason, waitSeconds}``.

    ``outcome`` is STARTED, WAIT or NOTHING.
    """
    settings = ExecutionSettings.from_env()
    store = execution_store(settings.executions_table)
    accounts = member_accounts(settings.member_role, settings.external_id)
    lot = task.number("lot")
    servers = store.servers(task.execution_id, task.wave, lot=lot)
    if not servers:
        return {"lot": lot, "outcome": "NOTHING", "launching": 0, "reason": "", "waitSeconds": 0}
    scope = servers[0].scope  # a lot is of one scope
    starter = RecoveryStarter(
        store=store,
        drs=DrsClient(accounts, scope),
        ec2=Ec2Client(accounts, scope),
        execution=opened(store, task.execution_id),
        wave=task.wave,
        lot=lot,
        now=task.now,
    )
    return {"lot": lot, **starter.start(servers)}
