"""StopTargets: stop the instances that DRS is to launch into, or fail their servers."""

from __future__ import annotations

from typing import Any

from shared.aws.ec2_client import Ec2Client
from shared.model.status import ServerStatus
from shared.services.decided_servers import as_decided
from shared.services.target_stopper import stop_targets
from shared.settings import StopSettings
from shared.task import Run, task

WAITING = (ServerStatus.CONFIGURED, ServerStatus.LAUNCH_FAILED)


@task(StopSettings, freezable=True)
def handler(run: Run[StopSettings]) -> dict[str, Any]:
    """``{executionId, wave}`` → ``{stopped, stopping, failed}``.

    A running instance is stopped only if the plan allows it (``whenTargetRuns: STOP``, or in a failback
    ``whenOriginalRuns: STOP``), or by default an original that ran before our failover; it may be in use.
    """
    policies, mode = run.execution.policies, run.execution.record.mode
    servers = run.store.servers(run.execution_id, run.wave, statuses=WAITING)
    good, changes = as_decided(run.store, run.execution_id, servers)
    stopping = 0
    for scope in sorted({server.scope for server in good}):
        members = [server for server in good if server.scope == scope]
        decided, waiting = stop_targets(Ec2Client(run.accounts, scope), members, policies, mode, run.now)
        changes += decided
        stopping += waiting
    done = run.store.change_servers(run.execution_id, changes, only_from=WAITING)
    failed = sum(server.status is ServerStatus.FAILED for server in done)
    return {"stopped": len(servers) - stopping - failed, "stopping": stopping, "failed": failed}
