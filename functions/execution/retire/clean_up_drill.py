"""CleanUpDrill: the next safe step for every server of a drill, until all is as it was before.

Also for a failover that was cancelled with UNDO.
"""

from __future__ import annotations

from typing import Any

from shared.rules.control.undo import is_undone
from shared.services.drill_cleaner import DrillCleaner
from shared.settings import RetireSettings
from shared.task import Run, task

WAIT_SECONDS = 15
WAIT_FOR_JOBS_SECONDS = 60


class NoDrillError(Exception):
    """The execution is no drill: its instances may be production."""


@task(RetireSettings, freezable=True)
def handler(run: Run[RetireSettings]) -> dict[str, Any]:
    """``{executionId}`` → ``{pending, cleaned, failed, waitSeconds}``. Called until nothing is pending.

    Raises NoDrillError.
    """
    store = run.store
    execution = run.execution
    if not is_undone(execution.record):
        raise NoDrillError(
            f"Execution {run.execution_id} is a {execution.record.mode.value.lower()}, not a drill, and was "
            "not cancelled with UNDO: what it launched stays as it is. Give the id of a drill."
        )
    cleaner = DrillCleaner(
        store=store,
        accounts=run.accounts,
        execution=execution,
        now=run.now,
    )
    count = cleaner.clean()
    pending = count["pending"] + count["inJobs"]
    return {
        "pending": pending,
        "cleaned": count["cleaned"],
        "failed": count["failed"],
        "waitSeconds": WAIT_SECONDS if count["pending"] or not pending else WAIT_FOR_JOBS_SECONDS,
    }
