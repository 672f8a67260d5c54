"""Messages of operators and events to an execution: checked by schema, and by what no schema can express."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shared.model.status import PausePoint
from shared.rules.control.approval_messages import APPROVE, REJECT
from shared.rules.plan.contracts import DocumentInvalidError, Problem, problems
from shared.rules.text import NAME_LIMIT, REASON_LIMIT, one_line

SOURCE, DETAIL_TYPE = "drs-orchestrator.dr", "DR Control Requested"
"""Of an EventBridge event that carries a message as its detail."""


class ControlInvalidError(DocumentInvalidError):
    """A message breaks the schema, or asks for what cannot be done; each problem with its remedy."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("message", problems)


class Action(StrEnum):
    PAUSE = "PAUSE"
    RESUME = "RESUME"
    SKIP = "SKIP"
    RETRY = "RETRY"
    CANCEL = "CANCEL"


@dataclass(frozen=True, slots=True)
class Message:
    """``document`` is the message as it was sent. ``by_event``: it came as an event, not from a person."""

    execution_id: str
    action: Action
    by: str
    reason: str
    document: dict[str, Any]
    by_event: bool = False
    message_id: str | None = None
    when: PausePoint = PausePoint.NOW
    wave: str | None = None  # of a SKIP, or of a PAUSE before it
    pause: str | None = None
    servers: tuple[str, ...] = ()
    dependents_continue: bool = True
    retry_blocked: bool = False
    undo: bool = False
    confirm: str | None = None


def parse_message(document: object) -> Message:
    """The message of a person, or in an EventBridge event. Raises ControlInvalidError."""
    if isinstance(document, dict) and "detail-type" in document:
        return _from_event(document)
    return _parsed(document, by_event=False)


def _from_event(event: dict[str, Any]) -> Message:
    if (event.get("source"), event["detail-type"]) != (SOURCE, DETAIL_TYPE):
        found = f"{event.get('source')!r}, {event['detail-type']!r} is no message to an execution."
        remedy = f"Put an event with source {SOURCE!r} and detail-type {DETAIL_TYPE!r}."
        raise ControlInvalidError([Problem("detail-type", found, remedy)])
    detail = event.get("detail")
    message_id = {"id": str(event["id"])} if event.get("id") else {}
    message = _parsed({**message_id, **detail} if isinstance(detail, dict) else detail, by_event=True)
    if refused := tuple(_only_for_people(message)):
        raise ControlInvalidError(refused)
    return message


def _parsed(document: object, *, by_event: bool) -> Message:
    if isinstance(document, dict) and document.get("action") in (APPROVE, REJECT):
        what = "is for people" if by_event else "is no message to ControlExecution"
        remedy = "Send it to ApproveExecution: the notification that asks for the approval has the command."
        raise ControlInvalidError([Problem("action", f"{document['action']} {what}.", remedy)])
    found = problems(document, "control")
    if found or not isinstance(document, dict):
        raise ControlInvalidError(found)
    action = Action(document["action"])
    if refused := tuple(_refused(document, action)):
        raise ControlInvalidError(refused)
    before = document.get("before")
    return Message(
        execution_id=document["executionId"],
        action=action,
        by=one_line(document["by"], NAME_LIMIT),
        reason=one_line(document["reason"], REASON_LIMIT),
        document=document,
        by_event=by_event,
        message_id=document.get("id"),
        when=PausePoint.BEFORE_WAVE if before else PausePoint(document.get("when", PausePoint.NOW)),
        wave=before or document.get("wave"),
        pause=document.get("pause"),
        servers=tuple(document.get("servers", ())),
        dependents_continue=document.get("dependents", "CONTINUE") == "CONTINUE",
        retry_blocked=document.get("retryBlocked", False),
        undo=document.get("launched", "LEAVE") == "UNDO",
        confirm=document.get("confirm"),
    )


def unknown_execution(execution_id: str) -> Problem:
    """Of a message to an execution that no record is of."""
    return Problem(
        "executionId",
        f"No execution {execution_id!r} is known.",
        "Write the name that StartExecution gave it; it is in every message about it.",
    )


_ONLY_IN = {
    "when": Action.PAUSE,
    "before": Action.PAUSE,
    "pause": Action.RESUME,
    "wave": Action.SKIP,
    "servers": Action.SKIP,
    "dependents": Action.SKIP,
    "retryBlocked": Action.RETRY,
    "launched": Action.CANCEL,
    "confirm": Action.CANCEL,
}


def _refused(document: dict[str, Any], action: Action) -> Iterator[Problem]:
    for name, only in _ONLY_IN.items():
        if name in document and action is not only:
            found = f"belongs to {only.value}; the action of this message is {action.value}."
            yield Problem(name, found, f"Remove it, or write action: {only.value}.")
    if "when" in document and "before" in document:
        yield Problem("when", "is given together with before, which sets the time.", "Remove one of the two.")
    if action is Action.SKIP and ("wave" in document) == ("servers" in document):
        found = "is given together with servers." if "wave" in document else "is missing."
        yield Problem("wave", found, "Name the wave to skip, or the servers.")
    if "dependents" in document and "servers" in document:
        yield Problem("dependents", "belongs to the skip of a wave.", "Remove it.")
    if "confirm" in document and document.get("launched") != "UNDO":
        yield Problem("confirm", "confirms an undo, and none is asked for.", "Add launched: UNDO.")


def _only_for_people(message: Message) -> Iterator[Problem]:
    """An event can delay, never speed up: it approves, resumes, retries and undoes nothing."""
    if message.action not in (Action.PAUSE, Action.SKIP, Action.CANCEL):
        found = f"{message.action.value} is for people; an event may PAUSE, SKIP and CANCEL."
        yield Problem("action", found, "Send it with aws lambda invoke.")
    if message.undo:
        yield Problem("launched", "UNDO is for people.", "Remove it, or send it with aws lambda invoke.")
