"""What OpenExecution returns to the workflow and sends to the operators."""

from __future__ import annotations

from typing import Any

from shared.model.execution import ExecutionRecord
from shared.model.plan import Plan
from shared.model.policies import Approval, Mode, Policies
from shared.rules.control.cli_hints import control_call
from shared.rules.plan.requests import Request, approval_required, sites_to_read


def workflow_choices(
    execution_id: str, plan: Plan, policies: Policies, request: Request, *, waits_for_drill: bool
) -> dict[str, Any]:
    """What the states of the workflow choose by. Raises RequestInvalidError for an unknown site."""
    failback = request.mode is Mode.FAILBACK and not request.dry_run
    return {
        "executionId": execution_id,
        "plan": plan.name,
        "mode": request.mode.value,
        "dryRun": request.dry_run,
        "launchOrder": policies.launch_order.value,
        "approvalRequired": not request.dry_run
        and approval_required(policies, request, request.started_by_event),
        "cutoverApproval": failback and policies.failback.approval is Approval.REQUIRED,
        "quiesce": failback and bool(policies.failback.quiesce),
        "sites": [site.name for site in sites_to_read(plan, request)],
        "cancelDrill": request.cancel_drill and not request.dry_run,
        "waitsForDrill": waits_for_drill,
    }


def start_notification(record: ExecutionRecord, request: Request, control_function: str) -> tuple[str, str]:
    """Title and text of the notification about an execution that has started."""
    what = "dry run" if request.dry_run else request.mode.value.lower()
    text = (
        f"Execution {record.execution_id} of plan {record.plan_name} started at {record.started_at}.\n"
        f"Reason given: {request.reason or 'none'}. Requested by: {request.requested_by or 'unknown'}."
    )
    calls = {
        "To pause it": control_call(control_function, record.execution_id, "PAUSE"),
        "To cancel it": control_call(control_function, record.execution_id, "CANCEL", launched="LEAVE"),
    }
    hints = "" if request.dry_run else "".join(f"\n\n{what}:\n{call}" for what, call in calls.items())
    return f"{record.plan_name}: {what} started", text + hints
