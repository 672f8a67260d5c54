"""Stops the drills that a failover takes precedence over, and knows when they are closed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from shared.aws.step_functions import arn_of, ended_at, stop
from shared.model.execution import ExecutionRecord
from shared.model.policies import Mode
from shared.model.status import ExecutionStatus
from shared.services.execution_liveness import execution_is_over
from shared.store import ExecutionNotFoundError, ExecutionStore

ERROR = "FailoverTakesPrecedence"
TIMEOUT = timedelta(minutes=10)
"""How long to wait for the clean-up of a drill that has ended: the event about its end starts it within
seconds, unless it is lost."""


def running_drills(store: ExecutionStore, execution_ids: Iterable[str]) -> list[ExecutionRecord]:
    """Those of the executions that are drills and not closed."""
    found = []
    for execution_id in sorted(execution_ids):
        try:
            record = store.execution(execution_id)
        except ExecutionNotFoundError:
            continue
        if record.mode is Mode.DRILL and record.status is ExecutionStatus.RUNNING:
            found.append(record)
    return found


def cancel_drill(
    store: ExecutionStore, drill: ExecutionRecord, execution_id: str, sibling_arn: str, now: datetime
) -> bool:
    """Stop the drill if it runs, for the failover ``execution_id``; returns whether to wait for it."""
    arn = drill.arn or arn_of(drill.execution_id, Mode.DRILL, sibling_arn)
    ended = ended_at(arn)
    if ended is None:
        stop(arn, ERROR, f"The failover {execution_id} takes precedence over this drill.")
        return True
    if drill.clean_up is not None:
        return not execution_is_over(store, drill.execution_id, sibling_arn)
    return now - ended < TIMEOUT
