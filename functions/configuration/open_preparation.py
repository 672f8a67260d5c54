"""OpenPreparation: check the input, load the plan, record the preparation, and see who is at work already."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.aws.step_functions import has_ended
from shared.model.execution import ExecutionRecord
from shared.model.policies import Mode
from shared.model.status import ExecutionStatus
from shared.rules.plan.contracts import DocumentInvalidError, problems
from shared.rules.plan.parsing import parse_plan
from shared.settings import ConfigurationSettings
from shared.store import LockStore, PlanStore, plan_lock, preparation_lock
from shared.task import Run, task
from shared.times import iso, parse_time


class PreparationInvalidError(DocumentInvalidError):
    """The input of a preparation breaks its schema."""


class PlanNotFoundError(Exception):
    """The input names a plan that is not stored."""


class PreparationInProgressError(Exception):
    """Another preparation of the same plan runs."""


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId, executionArn, startedAt, request}`` → ``{plan, sites, undo, holder}``.

    A preparation is recorded as a dry run: it launches nothing. ``holder``: the execution that runs the plan
    just now, None if none does; a preparation gives way to it.

    Raises PreparationInvalidError, PlanInvalidError, PlanNotFoundError, PreparationInProgressError.
    """
    request = run.event.get("request")
    if found := problems(request, "preparation"):
        raise PreparationInvalidError("input of the preparation", found)
    said = dict(request or {})
    document = said["plan"] if isinstance(said["plan"], dict) else _stored(run.settings, said["plan"])
    plan = parse_plan(document)
    started = parse_time(run.text("startedAt"))
    record = ExecutionRecord(
        execution_id=run.execution_id,
        plan_name=plan.name,
        mode=Mode.FAILOVER,
        status=ExecutionStatus.RUNNING,
        started_at=iso(started),
        dry_run=True,
        launch_order=plan.policies.launch_order,
        request={**{key: said[key] for key in ("reason", "requestedBy") if key in said}, **_DRY}
        | {"plan": plan.name},
    )
    store = run.store
    store.open(record, document, started + timedelta(days=run.settings.retention_days))
    locks = LockStore(run.settings.executions_table)
    siblings = run.text("executionArn").rsplit(":", 1)[0]
    lock = preparation_lock(plan.name)
    held = locks.take([lock], run.execution_id, lambda holder: has_ended(f"{siblings}:{holder}"))
    for holder in held.values():
        raise PreparationInProgressError(
            f"The preparation {holder} of plan {plan.name!r} runs. Wait for its end, and start again."
        )
    # If it was called late, nobody else would let go of the lock.
    if store.execution(run.execution_id).status.is_final:
        locks.release([lock], run.execution_id)
    return {
        "plan": plan.name,
        "sites": [site.name for site in plan.sites],
        "undo": said.get("undo", False),
        "holder": locks.holders([plan_lock(plan.name)]).get(plan_lock(plan.name)),
    }


_DRY = {"dryRun": True}


def _stored(settings: ConfigurationSettings, name: str) -> dict[str, Any]:
    document = PlanStore(settings.plans_table).get(name)
    if document is None:
        raise PlanNotFoundError(f"No plan {name!r} is stored. Store it with the StorePlan function.")
    return document
