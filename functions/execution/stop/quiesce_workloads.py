"""QuiesceWorkloads: quiesce the workload on the recovery side, so that the cutover loses no write."""

from __future__ import annotations

from typing import Any

from shared.aws.ssm import SsmClient
from shared.model.server import Change
from shared.model.status import ServerStatus
from shared.rules.control.pauses import cutover_pause
from shared.rules.failback.workloads import is_to_quiesce
from shared.rules.launch.polling import long_wait
from shared.services.quiescence import Quiescence
from shared.settings import StopSettings
from shared.task import Run, task

WAIT_SECONDS = 10
PAUSED_SECONDS = 60
"""Until the next poll of a pause that came after the cutover was approved."""


@task(StopSettings, freezable=True)
def handler(run: Run[StopSettings]) -> dict[str, Any]:
    """``{executionId}`` → ``{running, failed, waitSeconds}``.

    Every server gets the plan's actions one after the other. One whose action fails does not fail back.
    """
    record, policies = run.execution.record, run.execution.policies.failback
    if record.cancellation is not None:
        return {"running": 0, "failed": 0, "waitSeconds": 0}
    if cutover_pause(record, policies):
        paused_at = (pause.at for pause in record.pauses)
        return {"running": 1, "failed": 0, "waitSeconds": long_wait(PAUSED_SECONDS, paused_at, run.now)}
    servers = [server for server in run.store.servers(run.execution_id) if is_to_quiesce(server)]
    changes: list[Change] = []
    running = 0
    for scope in sorted({server.failback.workload_scope or server.scope for server in servers}):
        members = [server for server in servers if (server.failback.workload_scope or server.scope) == scope]
        ssm = SsmClient(run.accounts, scope)
        quiescence = Quiescence(ssm, run.execution_id, record.started_at, policies.quiesce, run.now)
        running += quiescence.advance(members)
        changes += quiescence.changes
    done = run.store.change_servers(run.execution_id, changes, only_from=(ServerStatus.REPLICATED,))
    failed = sum(server.status is ServerStatus.FAILED for server in done)
    return {"running": running, "failed": failed, "waitSeconds": WAIT_SECONDS}
