"""Makes a Request out of what an execution was started with, and settles which policies then hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from shared.contracts import DocumentInvalidError, Problem, problems
from shared.model import Approval, LaunchOrder, Mode, OnBlocked, Plan, Policies, RecoveryMode


class RequestInvalidError(DocumentInvalidError):
    """A request breaks the schema or asks for what is not available."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("request", problems)


EVENT = "EVENT"
"""``startedBy`` of a request that came as an EventBridge event."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for. ``inline_plan`` is the plan document when the request carries one.

    The four policies are None where the request leaves them to the plan.
    """

    plan_name: str
    inline_plan: dict[str, Any] | None = None
    mode: Mode = Mode.FAILOVER
    dry_run: bool = False
    approval: Approval | None = None
    on_blocked: OnBlocked | None = None
    launch_order: LaunchOrder | None = None
    recovery_mode: RecoveryMode | None = None
    reason: str | None = None
    requested_by: str | None = None
    started_by_event: bool = False


def parse_request(document: object) -> Request:
    """The Request in ``document`` (the input of the execution). Raises RequestInvalidError."""
    found = problems(document, "request")
    if found or not isinstance(document, dict):
        raise RequestInvalidError(found)
    _refuse_modes_to_come(document, "mode")
    plan = document["plan"]
    return Request(
        plan_name=plan if isinstance(plan, str) else plan["name"],
        inline_plan=None if isinstance(plan, str) else plan,
        mode=Mode(document.get("mode", Mode.FAILOVER)),
        dry_run=document.get("dryRun", False),
        approval=Approval(document["approval"]) if "approval" in document else None,
        on_blocked=OnBlocked(document["onBlocked"]) if "onBlocked" in document else None,
        launch_order=LaunchOrder(document["launchOrder"]) if "launchOrder" in document else None,
        recovery_mode=RecoveryMode(document["recoveryMode"]) if "recoveryMode" in document else None,
        reason=document.get("reason"),
        requested_by=document.get("requestedBy"),
        started_by_event=document.get("startedBy") == EVENT,
    )


def request_from_event(event: object) -> dict[str, Any]:
    """The request document that a ``Disaster Declared`` event asks for. Raises RequestInvalidError."""
    found = problems(event, "dr-event")
    if found or not isinstance(event, dict):
        raise RequestInvalidError(found)
    _refuse_modes_to_come(event["detail"], "detail.mode")
    return {**event["detail"], "startedBy": EVENT}


def effective_policies(plan: Plan, request: Request) -> Policies:
    """The plan's policies with those of the request over them.

    Approval is the exception: the stricter word wins, so a request can add an approval to a plan but
    cannot waive one that the plan demands; and an event cannot waive it at all, only the plan can.
    """
    said = plan.policies
    approval = said.approval if request.started_by_event else request.approval or said.approval
    if Approval.REQUIRED in (request.approval, said.approval):
        approval = Approval.REQUIRED
    return replace(
        said,
        approval=approval,
        on_blocked=request.on_blocked or said.on_blocked,
        launch_order=request.launch_order or said.launch_order,
        recovery_mode=request.recovery_mode or said.recovery_mode,
    )


def approval_required(policies: Policies, request: Request, started_by_event: bool) -> bool:
    """Whether somebody must approve before anything changes. ``policies`` are the effective ones.

    An execution that an event started waits for approval unless NOT_REQUIRED was said; one that an
    operator started waits only if REQUIRED was said; a dry run never waits.
    """
    if request.dry_run:
        return False
    if policies.approval is None:
        return started_by_event
    return policies.approval is Approval.REQUIRED


def _refuse_modes_to_come(document: dict[str, Any], path: str) -> None:
    mode = document.get("mode", Mode.FAILOVER)
    if mode != Mode.FAILOVER:
        remedy = f"Write {Mode.FAILOVER}, or leave it out."
        raise RequestInvalidError([Problem(path, f"{mode} is not available yet.", remedy)])
