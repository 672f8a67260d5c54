"""One attempt of a Step Functions execution on the ASL interpreter, and its history across redrives."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.states import AslExecution, execution_ended

log = logging.getLogger("local.states")

Event = dict[str, Any]


def iso(moment: datetime) -> str:
    """``2026-01-01T00:00:00.000Z``, as AWS writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


@dataclass(frozen=True, slots=True)
class Resume:
    """Where a redriven execution goes on: the state, its input (JSON) and the variables set before it."""

    state: str
    input: str
    variables: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Order:
    """What to run. ``definition`` and ``input`` are JSON text; ARNs and names as AWS shapes them."""

    execution_arn: str
    name: str
    machine_arn: str
    machine_name: str
    machine_type: str
    role_arn: str
    definition: str
    input: str
    account: str
    region: str
    redrive_count: int = 0
    resume: Resume | None = None


class Run:
    """One attempt of an execution; a redrive is another. ``before`` are the events up to ExecutionRedriven.

    ``on_end(run)`` is called once, in the interpreter's thread, when the attempt has ended by itself or
    after ``stop``; ``ended`` is set after it.
    """

    def __init__(self, order: Order, on_end: Callable[[Run], None], before: tuple[Event, ...] = ()) -> None:
        self.order = order
        self.ended = threading.Event()
        self._on_end = on_end
        self._before = before
        self._frozen: list[Event] | None = None
        self._lock = threading.Lock()
        definition, input_text = order.definition, order.input
        if order.resume:
            definition = json.dumps(begin_at(json.loads(definition), order.resume.state))
            input_text = order.resume.input
        self.execution = AslExecution(
            definition=definition,
            input_json=input_text,
            name=order.name,
            execution_arn=order.execution_arn,
            state_machine_arn=order.machine_arn,
            state_machine_name=order.machine_name,
            role_arn=order.role_arn,
            account=order.account,
            region=order.region,
            machine_type=order.machine_type,
            redrive_count=order.redrive_count,
            on_end=self._ended,
        )
        prepare(
            self.execution,
            order.resume.variables if order.resume else {},
            order.input,
            stopped=lambda: bool(self._frozen),
        )

    def start(self) -> None:
        self.execution.start()

    def stop(self, at: datetime, error: str | None, cause: str | None) -> None:
        """Abort: no further state starts, and the history ends here even if a task still runs."""
        events = self.history()
        aborted = {key: value for key, value in (("error", error), ("cause", cause)) if value}
        with self._lock:
            self._frozen = [
                *events,
                {
                    "id": len(events) + 1,
                    "previousEventId": 0,
                    "type": "ExecutionAborted",
                    "timestamp": iso(at),
                    "executionAbortedEventDetails": aborted,
                },
            ]
        self.execution.stop(error, cause)
        execution_ended(self.order.execution_arn)

    def history(self) -> list[Event]:
        """The events so far, of earlier attempts first, as GetExecutionHistory words them."""
        with self._lock:
            if self._frozen is not None:
                return self._frozen
        own = self.execution.history()
        if not self._before:
            return own
        shift = len(self._before) - 1  # the new ExecutionStarted is the ExecutionRedriven that ends _before
        return [
            *self._before,
            *(
                {
                    **event,
                    "id": event["id"] + shift,
                    "previousEventId": event["previousEventId"] + shift
                    if event.get("previousEventId")
                    else 0,
                }
                for event in own[1:]
            ),
        ]

    def _ended(self, execution: AslExecution) -> None:
        try:
            self._on_end(self)
        finally:
            self.ended.set()


class StoppedBeforeItBeganError(Exception):
    """The execution was aborted before its first state."""


def prepare(
    execution: AslExecution,
    variables: dict[str, Any],
    input_text: str,
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Set variables before the first state; end what cannot run, or was stopped before it could.

    ``input_text``: the execution's own input as JSON, which a redrive keeps in its context object.
    """
    inner = execution._execution
    make_worker = inner._get_start_execution_worker

    def make_prepared_worker() -> Any:
        worker = make_worker()
        make_environment, run = worker._get_evaluation_environment, worker._execution_logic

        def environment() -> Any:
            env = make_environment()
            if stopped():
                raise StoppedBeforeItBeganError
            env.states.context_object.context_object_data["Execution"]["Input"] = json.loads(input_text)
            for name, value in variables.items():
                env.variable_store.set(name, value)
            env.variable_store.reset_tracing()
            return env

        def run_or_fail() -> None:
            try:
                run()
            except StoppedBeforeItBeganError:
                inner.exec_status = "ABORTED"
                execution._ended()
            except Exception as unexpected:
                log.exception("%s cannot run", execution.execution_arn)
                inner.exec_status = "FAILED"
                inner.error = "States.Runtime"
                inner.cause = f"{type(unexpected).__name__}: {unexpected}"
                execution._ended()

        worker._get_evaluation_environment = environment
        worker._execution_logic = run_or_fail
        return worker

    inner._get_start_execution_worker = make_prepared_worker  # type: ignore[method-assign]


def begin_at(definition: dict[str, Any], state: str) -> dict[str, Any]:
    """The machine from ``state`` on, without the top-level states that cannot follow it any more."""
    states, reachable, new = definition["States"], set[str](), {state}
    while new:
        reachable |= new
        new = {follower for name in new for follower in _followers(states[name])} - reachable
    kept = {name: body for name, body in states.items() if name in reachable}
    return {**definition, "StartAt": state, "States": kept}


def _followers(state: dict[str, Any]) -> set[str]:
    branches = [state, *state.get("Choices", []), *state.get("Catch", [])]
    named = [branch.get(key) for branch in branches for key in ("Next", "Default")]
    return {name for name in named if name}


def resume_point(events: list[Event], definition: dict[str, Any]) -> Resume | None:
    """Where a redrive starts: the last top-level state that was entered, with its input and variables.

    None when no state was entered. AWS restarts only the failed iterations of a Map and the failed branches
    of a Parallel (Step Functions developer guide, redrive-executions); here the whole state starts again.
    """
    top = definition["States"]
    entered = None
    variables: dict[str, Any] = {}
    for event in events:
        if event["type"].endswith("StateEntered") and event["stateEnteredEventDetails"]["name"] in top:
            entered = event["stateEnteredEventDetails"]
        elif event["type"].endswith("StateExited") and event["stateExitedEventDetails"]["name"] in top:
            assigned = event["stateExitedEventDetails"].get("assignedVariables") or {}
            variables.update({name: _assigned(text) for name, text in assigned.items()})
    if entered is None:
        return None
    return Resume(entered["name"], entered.get("input") or "{}", variables)


def _assigned(text: str) -> Any:
    """The value of an assigned variable; moto puts a string between quotes without escaping it."""
    try:
        return json.loads(text)
    except ValueError:
        return text[1:-1]
