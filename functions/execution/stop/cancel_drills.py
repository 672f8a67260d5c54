"""CancelDrills: a real failover stops the drills of its plan or servers, and waits until they are closed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from shared.aws.step_functions import arn_of, ended_at, stop
from shared.model.execution import ExecutionRecord
from shared.model.policies import Mode
from shared.model.status import ExecutionStatus
from shared.services.execution_liveness import execution_is_over
from shared.settings import ExecutionSettings
from shared.store import (
    ExecutionNotFoundError,
    ExecutionStore,
    LockStore,
    plan_lock,
    server_lock,
)
from shared.task import Run, task

ERROR = "FailoverTakesPrecedence"
TIMEOUT = timedelta(minutes=10)
"""How long a drill that has ended is waited for although nobody cleans up after it: the event about its end
comes within seconds, unless it is lost."""


@task(ExecutionSettings)
def handler(run: Run[ExecutionSettings]) -> dict[str, Any]:
    """``{executionId, executionArn}`` → ``{waiting}``: drills that are stopped and not closed yet.

    Only if the request says ``cancelDrill``. Repeating it is harmless: a drill is stopped once.
    """
    store = run.store
    execution = run.execution
    if not execution.request.cancel_drill:
        return {"waiting": 0}
    servers = [server_lock(server.source_server_id) for server in store.servers(run.execution_id)]
    locks = [plan_lock(execution.plan.name), *servers]
    holders = LockStore(store.table_name).holders(locks)
    drills = _running_drills(store, set(holders.values()) - {run.execution_id})
    return {"waiting": sum(_cancel(store, drill, run) for drill in drills)}


def _running_drills(store: ExecutionStore, execution_ids: Iterable[str]) -> list[ExecutionRecord]:
    found = []
    for execution_id in sorted(execution_ids):
        try:
            record = store.execution(execution_id)
        except ExecutionNotFoundError:
            continue
        if record.mode is Mode.DRILL and record.status is ExecutionStatus.RUNNING:
            found.append(record)
    return found


def _cancel(store: ExecutionStore, drill: ExecutionRecord, run: Run[Any]) -> bool:
    """Stops the drill if it runs; gives whether to wait for it."""
    own_arn = run.text("executionArn")
    arn = drill.arn or arn_of(drill.execution_id, Mode.DRILL, own_arn)
    ended = ended_at(arn)
    if ended is None:
        stop(arn, ERROR, f"The failover {run.execution_id} takes precedence over this drill.")
        return True
    if drill.clean_up is not None:
        return not execution_is_over(store, drill.execution_id, own_arn)
    return run.now - ended < TIMEOUT
