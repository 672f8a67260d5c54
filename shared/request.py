"""Makes a Request out of what an execution was started with, and settles which policies then hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.contracts import DocumentInvalidError, Problem
from shared.model import Approval, LaunchOrder, Mode, OnBlocked, Plan, Policies, RecoveryMode


class RequestInvalidError(DocumentInvalidError):
    """A request breaks the schema or asks for what is not available."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("request", problems)


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


def parse_request(document: object) -> Request:
    """The Request in ``document`` (the input of the execution). Raises RequestInvalidError."""
    raise NotImplementedError


def request_from_event(event: object) -> dict[str, Any]:
    """The request document that a ``Disaster Declared`` event asks for. Raises RequestInvalidError."""
    raise NotImplementedError


def effective_policies(plan: Plan, request: Request) -> Policies:
    """The plan's policies with those of the request over them.

    Approval is the exception: the stricter word wins, so a request can add an approval to a plan but
    cannot waive one that the plan demands.
    """
    raise NotImplementedError


def approval_required(policies: Policies, request: Request, started_by_event: bool) -> bool:
    """Whether somebody must approve before anything changes. ``policies`` are the effective ones.

    An execution that an event started waits for approval unless NOT_REQUIRED was said; one that an
    operator started waits only if REQUIRED was said; a dry run never waits.
    """
    raise NotImplementedError
