"""StartRecovery: one DRS job for one batch of a wave; never a second job for a server."""

from __future__ import annotations

from typing import Any

from shared.aws.drs_client import DrsClient
from shared.aws.ec2_client import Ec2Client
from shared.services.decided_servers import as_decided
from shared.services.recovery_launcher import STARTABLE
from shared.services.recovery_starter import RecoveryStarter
from shared.settings import LaunchSettings
from shared.task import Run, task


@task(LaunchSettings, freezable=True)
def handler(run: Run[LaunchSettings]) -> dict[str, Any]:
    """``{executionId, wave, batch}`` → ``{batch, outcome, launching, reason, waitSeconds}``.

    ``outcome`` is STARTED, WAIT or NOTHING.
    """
    store = run.store
    accounts = run.accounts
    batch = run.number("batch")
    servers = store.batch(run.execution_id, run.wave, batch)
    if not servers:
        return {"batch": batch, "outcome": "NOTHING", "launching": 0, "reason": "", "waitSeconds": 0}
    scope = servers[0].scope  # a batch is of one scope
    servers, changed = as_decided(run.store, run.execution_id, servers)
    store.change_servers(run.execution_id, changed, only_from=STARTABLE)
    starter = RecoveryStarter(
        store=store,
        drs=DrsClient(accounts, scope),
        ec2=Ec2Client(accounts, scope),
        execution=run.execution,
        wave=run.wave,
        batch=batch,
        now=run.now,
    )
    return {"batch": batch, **starter.start(servers)}
