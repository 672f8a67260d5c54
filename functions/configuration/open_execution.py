"""OpenExecution: check the request, load the plan, record the execution, and refuse what runs already."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.aws.sns import notify
from shared.model.execution import ExecutionRecord
from shared.model.policies import Mode
from shared.model.status import ExecutionStatus
from shared.rules.control.opening import start_notification, workflow_choices
from shared.rules.plan.parsing import parse_plan
from shared.rules.plan.requests import effective_policies, parse_request, sites_to_read, with_mode
from shared.services.execution_opener import ExecutionInProgressError, ExecutionOpener
from shared.services.frozen import refuse_frozen
from shared.services.stored_plans import PlanNotFoundError
from shared.settings import ConfigurationSettings, freeze_function
from shared.store import PlanStore
from shared.task import Run, task
from shared.times import iso, parse_time

__all__ = ["ExecutionInProgressError", "PlanNotFoundError", "handler"]


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId, executionArn, startedAt, request, modes?}`` → what the workflow needs to know of it.

    ``modes``: those that the calling state machine can run; without them, any.

    Raises RequestInvalidError, PlanInvalidError, PlanNotFoundError, FrozenError, ExecutionInProgressError.
    """
    settings, arn = run.settings, run.text("executionArn")
    modes = run.event.get("modes") or list(Mode)
    document = with_mode(run.event.get("request"), modes)
    request = parse_request(document)
    opener = ExecutionOpener(run.store, run.execution_id, arn)
    opener.check_references(request, modes)
    plan_document = opener.plan_document(
        PlanStore(settings.plans_table), request, allow_inline=settings.allow_inline_plans
    )
    plan = parse_plan(plan_document)
    sites_to_read(plan, request)  # refuses an unknown site before anything is recorded
    policies = effective_policies(plan, request)
    started = parse_time(run.text("startedAt"))
    record = ExecutionRecord(
        execution_id=run.execution_id,
        plan_name=plan.name,
        mode=request.mode,
        status=ExecutionStatus.RUNNING,
        started_at=iso(started),
        dry_run=request.dry_run,
        launch_order=policies.launch_order,
        request=dict(document) if isinstance(document, dict) else {},
        arn=arn,
    )
    if not request.dry_run:
        refuse_frozen(settings.executions_table, record, freeze_function())
    is_new = run.store.open(record, plan_document, started + timedelta(days=settings.retention_days))
    waits_for_drill = not request.dry_run and opener.lock_plan(plan.name, request, settings.control_function)
    if is_new:
        notify(settings.topic_arn, *start_notification(record, request, settings.control_function))
    return workflow_choices(run.execution_id, plan, policies, request, waits_for_drill=waits_for_drill)
