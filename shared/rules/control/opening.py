"""What OpenExecution returns to the workflow, and what it and StartFromEvent send to the operators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.model.approval import ApprovalAnswer, Subject
from shared.model.execution import ExecutionRecord
from shared.model.plan import Plan
from shared.model.policies import Approval, Mode, Policies
from shared.rules.control.approvals import decided
from shared.rules.control.cli_hints import control_call
from shared.rules.plan.requests import EVENT, Request, approval_required, sites_to_read


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
        "approvers": policies.approvers,
        "cutoverApproval": failback and policies.failback.approval is Approval.REQUIRED,
        "quiesce": failback and bool(policies.failback.quiesce),
        "sites": [site.name for site in sites_to_read(plan, request)],
        "cancelDrill": request.cancel_drill and not request.dry_run,
        "waitsForDrill": waits_for_drill,
    }


def start_notification(record: ExecutionRecord, request: Request, control_function: str) -> tuple[str, str]:
    """Title and text of the notification about an execution that has started."""
    what = "dry run" if request.dry_run else request.mode.value.lower()
    text = f"Execution {record.execution_id} of plan {record.plan_name} started at {record.started_at}."
    calls = {
        "To pause it": control_call(control_function, record.execution_id, "PAUSE"),
        "To cancel it": control_call(control_function, record.execution_id, "CANCEL", launched="LEAVE"),
    }
    hints = "" if request.dry_run else "".join(f"\n\n{what}:\n{call}" for what, call in calls.items())
    given = f'"{request.reason}"' if request.reason else "none"
    asked = f'"{request.requested_by}"' if request.requested_by else "unknown"
    return f"{record.plan_name}: {what} started", f"{text}{hints}\n\nReason given: {given}. By: {asked}."


def may_be_superseded(holder: ExecutionRecord, request: Request, answers: Sequence[ApprovalAnswer]) -> bool:
    """Whether ``holder``, which an event started and no operator has approved, leaves its plan to this one.

    Nothing is reserved or changed before the approval of the start. Another event, or a drill, takes no
    precedence over it; nor does anything over one that has not asked, or needs no approval. ``answers``:
    those to the question of the start.
    """
    by_event = holder.request.get("startedBy") == EVENT and not request.started_by_event
    waits = holder.approval_subject == Subject.START and holder.ended_at is None
    return by_event and waits and not answers and request.mode is not Mode.DRILL


def in_progress(
    holder: ExecutionRecord, request: Request, control_function: str, answers: Sequence[ApprovalAnswer] = ()
) -> str:
    """Why an execution is refused beside ``holder``, and what to do instead.

    A disaster that is declared twice is answered without a command: what runs is what was asked for.
    """
    what = f"{holder.mode.value.lower()} {holder.execution_id} of plan {holder.plan_name!r}"
    found = f"The {what} has been under way since {holder.started_at}."
    if holder.mode is Mode.DRILL and request.mode is Mode.FAILOVER:
        return (
            f'{found} Start this failover again with "cancelDrill": true: the drill ends and cleans up first.'
        )
    if request.started_by_event:
        return f"{found} This event changed nothing; the execution that runs goes on."
    if holder.approval_token is not None and decided(answers, holder.approvers) is None:
        return f"{found} It waits for an approval: approve or reject it, as its notification says."
    cancel = control_call(control_function, holder.execution_id, "CANCEL", launched="LEAVE")
    return f"{found} Wait for its end. To end it, which leaves what it has launched as it is: {cancel}"


def refused_event(event_id: str, why: str) -> tuple[str, str]:
    """Title and text of the notification about a declaration that starts nothing."""
    text = (
        f"The event {event_id} declares a disaster, and nothing was started: {why}\n\n"
        "Correct it and put the event again, or start the state machine with this request "
        "(docs/operate.md, Starting)."
    )
    return "A declared disaster was NOT started: its event is refused", text
