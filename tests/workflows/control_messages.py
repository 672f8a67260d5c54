"""What operators send to running executions in a virtual cloud."""

from __future__ import annotations

import json
from typing import Any

from tests.workflows.stage import Stage

WHO = {"by": "ana", "reason": "the database team checks first"}


def message(here: Stage, action: str, execution: str = "run", **fields: Any) -> dict[str, Any]:
    """A message of Ana's, as of now."""
    return {
        "executionId": execution,
        "action": action,
        **WHO,
        **fields,
        "now": here.cloud.clock.now().isoformat(),
    }


def send(here: Stage, action: str, execution: str = "run", **fields: Any) -> dict[str, Any]:
    """Sends an execution a message; its answer."""
    return here.call(taker(action), message(here, action, execution, **fields))


def taker(action: str) -> str:
    """The function that takes a message."""
    return "ApproveExecutionFunction" if action in ("APPROVE", "REJECT") else "ControlExecutionFunction"


def decide(here: Stage, question: dict[str, Any], action: str = "APPROVE") -> None:
    """Answers a question, unless its execution has ended meanwhile. ``question``: of RequestApproval."""
    event = message(here, action, question["executionId"])
    here.cloud.functions.invoke(taker(action), json.dumps(event).encode())


def refused(here: Stage, action: str, execution: str = "run", **fields: Any) -> str:
    """The same where it is to be refused; what the refusal says."""
    event = message(here, action, execution, **fields)
    payload, failed = here.cloud.functions.invoke(taker(action), json.dumps(event).encode())
    assert failed, payload
    answer = json.loads(payload)
    assert answer["errorType"] in ("ControlInvalidError", "ApprovalInvalidError"), answer
    return str(answer["errorMessage"])


def on(here: Stage, function: str, action: Any, wave: str | None = None) -> None:
    """``action()`` once, just before a function is called (for a wave, if given) the first time."""
    done: list[bool] = []

    def act(event: dict[str, Any]) -> None:
        if not done and wave in (None, event.get("wave")):
            done.append(True)
            action()

    here.cloud.on_function(f"{function}Function", act)


def begin(here: Stage, *messages: tuple[str, dict[str, Any]], **request: Any) -> str:
    """Starts an execution that gets this message as soon as it is recorded; a minute later, its ARN."""

    def say() -> None:
        for action, fields in messages:
            send(here, action, **fields)

    on(here, "DiscoverServers", say)
    arn = here.start(**request)
    here.cloud.advance(60)
    return arn


def begin_failback(here: Stage, *messages: tuple[str, dict[str, Any]]) -> str:
    """Starts a failback called *back* that gets this message as soon as it is recorded; its ARN."""

    def say() -> None:
        for action, fields in messages:
            send(here, action, "back", **fields)

    on(here, "IdentifyOriginals", say)
    return here.start("back", mode="FAILBACK")


def event(detail: dict[str, Any], event_id: str = "e-1") -> dict[str, Any]:
    """An EventBridge event with a message."""
    return {
        "id": event_id,
        "source": "drs-orchestrator.dr",
        "detail-type": "DR Control Requested",
        "detail": detail,
    }
