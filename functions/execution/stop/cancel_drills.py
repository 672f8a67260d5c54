"""CancelDrills: a real failover stops the drills of its plan or servers, and waits until they are closed."""

from __future__ import annotations

from typing import Any

from shared.services.drill_canceller import cancel_drill, running_drills
from shared.settings import StopSettings
from shared.store import LockStore, plan_lock, server_lock
from shared.task import Run, task


@task(StopSettings)
def handler(run: Run[StopSettings]) -> dict[str, Any]:
    """``{executionId, executionArn}`` → ``{waiting}``: drills that are stopped and not closed yet.

    Only if the request has ``cancelDrill``. Repeating it is harmless: a drill is stopped once.
    """
    store, execution = run.store, run.execution
    if not execution.request.cancel_drill:
        return {"waiting": 0}
    servers = [server_lock(server.source_server_id) for server in run.findings.servers(run.execution_id)]
    holders = LockStore(store.table_name).holders([plan_lock(execution.plan.name), *servers])
    drills = running_drills(store, set(holders.values()) - {run.execution_id})
    arn = run.text("executionArn")
    return {"waiting": sum(cancel_drill(store, drill, run.execution_id, arn, run.now) for drill in drills)}
