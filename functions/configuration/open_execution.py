"""OpenExecution: check the request, load the plan, record the execution, and refuse what runs already."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.aws.sns import notify
from shared.aws.step_functions import arn_of
from shared.model.execution import ExecutionRecord
from shared.model.policies import Approval, Mode
from shared.model.status import ExecutionStatus
from shared.rules.control.cli_hints import control_call
from shared.rules.plan.contracts import Problem
from shared.rules.plan.parsing import parse_plan
from shared.rules.plan.requests import (
    Request,
    RequestInvalidError,
    approval_required,
    effective_policies,
    parse_request,
)
from shared.services.execution_liveness import execution_is_over
from shared.settings import ConfigurationSettings
from shared.store import (
    ExecutionNotFoundError,
    ExecutionStore,
    LockStore,
    PlanStore,
    plan_lock,
)
from shared.task import Run, task
from shared.times import iso, parse_time


class PlanNotFoundError(Exception):
    """The request names a plan that is not stored."""


class ExecutionInProgressError(Exception):
    """Another execution of the same plan runs."""


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId, executionArn, startedAt, request, modes?}`` → what the workflow needs to know of it.

    ``modes``: those that the calling state machine can run; without them, any.

    Raises RequestInvalidError, PlanInvalidError, PlanNotFoundError, ExecutionInProgressError.
    """
    document = run.event.get("request")
    request = parse_request(document)
    _refuse_other_machines_modes(request, run)
    store = run.store
    if request.failover:
        _refuse_unless_failed_over(store, request.failover, run)
    if request.only and request.only.not_recovered_in:
        _refuse_unless_over(store, request.only.not_recovered_in, run)
    plan_document = _plan_document(store, PlanStore(run.settings.plans_table), request)
    plan = parse_plan(plan_document)
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
        arn=run.text("executionArn"),
    )
    is_new = store.open(record, plan_document, started + timedelta(days=run.settings.retention_days))
    waits_for_drill = False
    if not request.dry_run:
        locks = LockStore(run.settings.executions_table)
        held = locks.take(
            [plan_lock(plan.name)],
            run.execution_id,
            lambda holder: execution_is_over(store, holder, run.text("executionArn")),
        )
        for holder in held.values():
            if request.cancel_drill and store.execution(holder).mode is Mode.DRILL:
                waits_for_drill = True
                continue
            arn = arn_of(holder, store.execution(holder).mode, run.text("executionArn"))
            raise ExecutionInProgressError(
                f"Execution {holder} of plan {plan.name!r} is running. Wait for it to end, or stop it: "
                f"aws stepfunctions stop-execution --execution-arn {arn}"
            )
        # If it was called late, nobody else would let go of the lock.
        if store.execution(run.execution_id).status.is_final:
            locks.release([plan_lock(plan.name)], run.execution_id)
    if is_new:
        what = "dry run" if request.dry_run else request.mode.value.lower()
        notify(
            run.settings.topic_arn,
            f"{plan.name}: {what} started",
            f"Execution {run.execution_id} of plan {plan.name} started at {iso(started)}.\n"
            f"Reason given: {request.reason or 'none'}. Requested by: {request.requested_by or 'unknown'}."
            f"{_how_to_steer(run.settings, run.execution_id, request)}",
        )
    return {
        "executionId": run.execution_id,
        "plan": plan.name,
        "mode": request.mode.value,
        "dryRun": request.dry_run,
        "launchOrder": policies.launch_order.value,
        "approvalRequired": not request.dry_run
        and approval_required(policies, request, request.started_by_event),
        "cutoverApproval": _is_failback(request) and policies.failback.approval is Approval.REQUIRED,
        "quiesce": _is_failback(request) and bool(policies.failback.quiesce),
        "sites": [site.name for site in plan.sites],
        "cancelDrill": request.cancel_drill and not request.dry_run,
        "waitsForDrill": waits_for_drill,
    }


def _how_to_steer(settings: ConfigurationSettings, execution_id: str, request: Request) -> str:
    if request.dry_run:
        return ""
    calls = {
        "To pause it": control_call(settings.control_function, execution_id, "PAUSE"),
        "To cancel it": control_call(settings.control_function, execution_id, "CANCEL", launched="LEAVE"),
    }
    return "".join(f"\n\n{what}:\n{call}" for what, call in calls.items())


def _is_failback(request: Request) -> bool:
    return request.mode is Mode.FAILBACK and not request.dry_run


def _refuse_other_machines_modes(request: Request, run: Run[Any]) -> None:
    modes = run.event.get("modes") or list(Mode)
    if request.mode not in modes:
        machine = "failback" if request.mode is Mode.FAILBACK else "failover"
        raise RequestInvalidError(
            [
                Problem(
                    "mode",
                    f"{request.mode.value} is not what this state machine runs: {' and '.join(modes)}.",
                    f"Start the state machine whose name ends in -{machine} with this request.",
                )
            ]
        )


def _refuse_unless_failed_over(store: ExecutionStore, failover: str, run: Run[Any]) -> None:
    try:
        record = store.execution(failover)
    except ExecutionNotFoundError:
        found = "is no execution that is recorded."
        remedy = "Correct the id; or, if its record has expired, name the plan instead."
        raise RequestInvalidError([Problem("failover", f"{failover} {found}", remedy)]) from None
    if record.mode is not Mode.FAILOVER or record.dry_run:
        what = "a dry run" if record.dry_run else f"a {record.mode.value.lower()}"
        raise RequestInvalidError(
            [Problem("failover", f"{failover} is {what}.", "Name the execution that failed over.")]
        )
    if not execution_is_over(store, failover, run.text("executionArn")):
        raise RequestInvalidError(
            [Problem("failover", f"{failover} still runs.", "Start the failback when it has ended.")]
        )


def _refuse_unless_over(store: ExecutionStore, earlier: str, run: Run[Any]) -> None:
    path = "only.notRecoveredIn"
    try:
        store.execution(earlier)
    except ExecutionNotFoundError:
        found = f"{earlier} is no execution that is recorded."
        raise RequestInvalidError([Problem(path, found, "Correct the id.")]) from None
    if not execution_is_over(store, earlier, run.text("executionArn")):
        raise RequestInvalidError([Problem(path, f"{earlier} still runs.", "Start it when that has ended.")])


def _plan_document(store: ExecutionStore, plans: PlanStore, request: Request) -> dict[str, Any]:
    """The plan in the request, else the stored one that it names, else that of the failover it names."""
    if request.inline_plan is None and not request.plan_name and request.failover:
        return store.plan_document(request.failover)
    return request.inline_plan or _stored(plans, request)


def _stored(plans: PlanStore, request: Request) -> dict[str, Any]:
    document = plans.get(request.plan_name)
    if document is None:
        names = ", ".join(plans.names()) or "none"
        raise PlanNotFoundError(
            f"No plan {request.plan_name!r} is stored. Stored plans: {names}. "
            "Store it with the StorePlan function, or put the plan itself into the request."
        )
    return document
