"""Makes a Request out of what an execution was started with, and settles which policies then hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from shared.model.finding import Severity
from shared.model.plan import Plan
from shared.model.policies import Approval, LaunchOrder, Mode, OnBlocked, Policies, RecoveryMode
from shared.model.scope import Site
from shared.rules.checks.prerequisites import severities
from shared.rules.checks.reverse_prerequisites import reverse_severities
from shared.rules.plan.contract_wording import choice, did_you_mean
from shared.rules.plan.contracts import DocumentInvalidError, Problem, problems
from shared.rules.plan.old_words import new_word
from shared.rules.plan.overrides import Override
from shared.rules.text import NAME_LIMIT, REASON_LIMIT, one_line


class RequestInvalidError(DocumentInvalidError):
    """A request breaks the schema or asks for what is not available."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("request", problems)


EVENT = "EVENT"
"""``startedBy`` of a request that came as an EventBridge event."""


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for. ``inline_plan`` is the plan document when the request carries one.

    ``plan_name`` is "" where only ``failover`` (the id of an execution) is given: its plan holds then.
    ``dry_run``: nothing may be changed (dryRun or checkOnly). The four policies are None where the request
    leaves them to the plan. ``confirmed_originals``: recovery instance id -> original instance id.

    Each of ``servers`` (names or ids), ``sites`` (names) and ``retry_of`` (the id of an execution) limits the
    request to some of the plan's servers; a server must pass all that are given.
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
    overrides: tuple[Override, ...] = ()
    failover: str | None = None
    recovery_instance_ids: tuple[str, ...] = ()
    confirmed_originals: Mapping[str, str] = field(default_factory=dict)
    cancel_drill: bool = False
    remove_detached_volumes: bool = False
    remove_volumes: tuple[str, ...] = ()
    terminate_instances: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    retry_of: str | None = None
    retry_blocked: bool = False


def parse_request(document: object) -> Request:
    """The Request in ``document`` (the input of the execution). Raises RequestInvalidError."""
    found = problems(document, "request")
    if found or not isinstance(document, dict):
        raise RequestInvalidError(found)
    mode = Mode(document.get("mode", Mode.FAILOVER))
    if refused := tuple(_refused(document, mode)):
        raise RequestInvalidError(refused)
    plan = document.get("plan", "")
    return Request(
        plan_name=plan if isinstance(plan, str) else plan["name"],
        inline_plan=None if isinstance(plan, str) else plan,
        mode=mode,
        dry_run=document.get("dryRun", False) or document.get("checkOnly", False),
        approval=Approval(document["approval"]) if "approval" in document else None,
        on_blocked=OnBlocked(document["onBlocked"]) if "onBlocked" in document else None,
        launch_order=LaunchOrder(document["launchOrder"]) if "launchOrder" in document else None,
        recovery_mode=RecoveryMode(document["recoveryMode"]) if "recoveryMode" in document else None,
        reason=one_line(document["reason"], REASON_LIMIT) if "reason" in document else None,
        requested_by=one_line(document["requestedBy"], NAME_LIMIT) if "requestedBy" in document else None,
        started_by_event=document.get("startedBy") == EVENT,
        overrides=tuple(
            Override(said["check"], said["reason"], tuple(said.get("servers", ())))
            for said in document.get("overrides", ())
        ),
        failover=document.get("failover"),
        recovery_instance_ids=tuple(document.get("recoveryInstanceIds", ())),
        confirmed_originals={
            said["recoveryInstanceId"]: said["originalInstanceId"]
            for said in document.get("confirmOriginals", ())
        },
        cancel_drill=document.get("cancelDrill", False),
        remove_detached_volumes=document.get("removeDetachedVolumes", False),
        remove_volumes=tuple(document.get("removeVolumes", ())),
        terminate_instances=tuple(document.get("terminateInstances", ())),
        servers=tuple(document.get("servers", ())),
        sites=tuple(document.get("sites", ())),
        retry_of=document.get("retryOf"),
        retry_blocked=document.get("retryBlocked", False),
    )


def with_mode(document: object, modes: Sequence[str]) -> object:
    """The document with the mode of a state machine that runs only one, if it names none."""
    if isinstance(document, dict) and "mode" not in document and len(modes) == 1:
        return {**document, "mode": modes[0]}
    return document


def request_from_event(event: object) -> dict[str, Any]:
    """The request document that a ``Disaster Declared`` event asks for. Raises RequestInvalidError.

    A replayed event (EventBridge user guide, *Replaying archived events*: it has ``replay-name``) always
    waits for an approval.
    """
    found = problems(event, "dr-event")
    if found or not isinstance(event, dict):
        raise RequestInvalidError(found)
    mode = Mode(event["detail"].get("mode", Mode.FAILOVER))
    if refused := tuple(_out_of_place(event["detail"], mode, "detail.")):
        raise RequestInvalidError(refused)
    # An event that is replayed from an archive was meant for another time.
    replayed = {"approval": Approval.REQUIRED.value} if "replay-name" in event else {}
    return {**event["detail"], **replayed, "startedBy": EVENT}


def effective_policies(plan: Plan, request: Request) -> Policies:
    """The plan's policies with those of the request over them.

    Approval is the exception: the stricter one wins, so a request can add an approval to a plan but
    cannot waive one that the plan demands; and an event cannot waive it at all, only the plan can. A
    failback takes its launch order from the request, else ``policies.failback``, else the plan.
    """
    said = plan.policies
    approval = said.approval if request.started_by_event else request.approval or said.approval
    if Approval.REQUIRED in (request.approval, said.approval):
        approval = Approval.REQUIRED
    return replace(
        said,
        approval=approval,
        on_blocked=request.on_blocked or said.on_blocked,
        launch_order=request.launch_order or _launch_order(said, request.mode),
        recovery_mode=request.recovery_mode or said.recovery_mode,
    )


def sites_to_read(plan: Plan, request: Request) -> tuple[Site, ...]:
    """The sites that the request is limited to, and those that share a recovery scope with one of them.

    The latter are read for their names only: a server of the same name makes a target ambiguous. Raises
    RequestInvalidError for a site that the plan does not have.
    """
    names = [site.name for site in plan.sites]
    unknown = [
        Problem(f"sites[{place}]", f"The plan {plan.name} has no site {name!r}.", choice(name, names))
        for place, name in enumerate(request.sites)
        if name not in names
    ]
    if unknown:
        raise RequestInvalidError(unknown)
    if not request.sites:
        return plan.sites
    scopes = {site.recovery for site in plan.sites if site.name in request.sites}
    return tuple(site for site in plan.sites if site.recovery in scopes)


def approval_required(policies: Policies, request: Request, started_by_event: bool) -> bool:
    """Whether a person must approve before anything changes. ``policies`` are the effective ones.

    An execution that an event started waits for approval unless the policy is NOT_REQUIRED; one that an
    operator started waits only if it is REQUIRED; a dry run never waits.
    """
    if request.dry_run:
        return False
    if policies.approval is None:
        return started_by_event
    return policies.approval is Approval.REQUIRED


def _launch_order(said: Policies, mode: Mode) -> LaunchOrder:
    of_failback = said.failback.launch_order if mode is Mode.FAILBACK else None
    return of_failback or said.launch_order


# --- what the schema cannot say ---------------------------------------------------------------------------

_ONLY_IN = {
    "failover": Mode.FAILBACK,
    "recoveryInstanceIds": Mode.FAILBACK,
    "confirmOriginals": Mode.FAILBACK,
    "removeDetachedVolumes": Mode.FAILBACK,
    "removeVolumes": Mode.FAILBACK,
    "terminateInstances": Mode.FAILBACK,
    "cancelDrill": Mode.FAILOVER,
}


def _refused(document: dict[str, Any], mode: Mode) -> Iterator[Problem]:
    yield from _out_of_place(document, mode)
    if mode is Mode.FAILBACK and "recoveryInstanceIds" in document:
        if "failover" in document:
            message = "is given together with failover, which names the servers already."
            yield Problem("recoveryInstanceIds", message, "Remove one of the two.")
        elif "plan" not in document:
            yield Problem("plan", "is missing.", "Name the plan that the recovery instances belong to.")
    if "retryBlocked" in document and "retryOf" not in document:
        remedy = "Add retryOf with the id of that execution, or remove it."
        yield Problem("retryBlocked", "is about an earlier execution, and none is named.", remedy)
    yield from _confirmed_twice(document.get("confirmOriginals", ()))
    yield from _not_overridable(document.get("overrides", ()), mode)


def _out_of_place(document: dict[str, Any], mode: Mode, prefix: str = "") -> Iterator[Problem]:
    for name, only in _ONLY_IN.items():
        if name in document and mode is not only:
            message = f"belongs to a {only.value.lower()}; the mode of this request is {mode.value}."
            yield Problem(prefix + name, message, f"Remove it, or write mode: {only.value}.")


def _confirmed_twice(confirmations: Sequence[dict[str, str]]) -> Iterator[Problem]:
    for key in ("recoveryInstanceId", "originalInstanceId"):
        seen: dict[str, int] = {}
        for index, said in enumerate(confirmations):
            first = seen.setdefault(said[key], index)
            if first != index:
                message = f"{said[key]} is already named by confirmOriginals[{first}]."
                yield Problem(f"confirmOriginals[{index}].{key}", message, "Name each instance once.")


def _not_overridable(overrides: Sequence[dict[str, Any]], mode: Mode) -> Iterator[Problem]:
    known = reverse_severities() if mode is Mode.FAILBACK else severities(mode)
    possible = sorted(code for code, severity in known.items() if severity is Severity.OVERRIDABLE)
    for index, said in enumerate(overrides):
        check, path = said["check"], f"overrides[{index}].check"
        if check not in known:
            close = new_word(check, possible) or did_you_mean(check, possible)
            remedy = f"Write {close!r}." if close else f"Can be overridden: {', '.join(possible)}."
            yield Problem(path, f"{check} is no check of a {mode.value.lower()}.", remedy)
        elif known[check] is Severity.CRITICAL:
            message = f"{check} is critical and cannot be overridden."
            yield Problem(path, message, "Remove it, and follow the finding's remedy.")
        elif known[check] is Severity.WARNING:
            yield Problem(path, f"{check} only warns: it blocks nothing.", "Remove it.")
