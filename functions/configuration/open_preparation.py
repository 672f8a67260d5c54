"""OpenPreparation: check the input, load the plan, record the preparation, and find who runs the plan."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.model.execution import ExecutionRecord
from shared.model.policies import Mode
from shared.model.status import ExecutionStatus
from shared.rules.plan.contracts import DocumentInvalidError, problems
from shared.rules.plan.parsing import parse_plan
from shared.rules.preparation.accepting import accepting, undo_problems
from shared.services.preparer import lock_preparation
from shared.services.stored_plans import stored_plan
from shared.settings import ConfigurationSettings
from shared.store import LockStore, PlanStore, plan_lock
from shared.task import Run, task
from shared.times import iso, parse_time


class PreparationInvalidError(DocumentInvalidError):
    """The input of a preparation breaks its schema."""


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId, executionArn, startedAt, request}`` → ``{plan, sites, undo, holder}``.

    A preparation is recorded as a dry run: it launches nothing. ``holder``: the execution that runs the plan
    just now, None if none does; a preparation yields to it.

    Raises PreparationInvalidError, PlanInvalidError, PlanNotFoundError, PreparationInProgressError.
    """
    request = run.event.get("request")
    if found := problems(request, "preparation") or undo_problems(request):
        raise PreparationInvalidError("input of the preparation", found)
    given = dict(request or {})
    named = given["plan"]
    document = named if isinstance(named, dict) else stored_plan(PlanStore(run.settings.plans_table), named)
    plan = parse_plan(document)
    started = parse_time(run.text("startedAt"))
    kept = {key: given[key] for key in ("reason", "requestedBy") if key in given}
    record = ExecutionRecord(
        execution_id=run.execution_id,
        plan_name=plan.name,
        mode=Mode.FAILOVER,
        status=ExecutionStatus.RUNNING,
        started_at=iso(started),
        dry_run=True,
        launch_order=plan.policies.launch_order,
        request={**kept, "dryRun": True, "plan": plan.name, **accepting(given.get("acceptPairs", ()))},
    )
    run.store.open(record, document, started + timedelta(days=run.settings.retention_days))
    lock_preparation(run.store, plan.name, run.execution_id, run.text("executionArn"))
    holders = LockStore(run.settings.executions_table).holders([plan_lock(plan.name)])
    return {
        "plan": plan.name,
        "sites": [site.name for site in plan.sites],
        "undo": given.get("undo", False),
        "holder": holders.get(plan_lock(plan.name)),
    }
