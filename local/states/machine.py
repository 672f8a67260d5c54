"""How a machine as a whole runs: its time limit, its Choices, the states it enters and leaves."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from moto.stepfunctions.parser.api import ExecutionFailedEventDetails, HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

from local.states.expressions import variables_of
from local.states.runtime import current
from local.states.tasks import execution_arn

LOG = logging.getLogger(__name__)


def eval_program(self: Any, env: Any) -> None:
    """Runs a machine, branch or iteration; its own time limit ends it, and its history, at once."""
    seconds = self.timeout_seconds.timeout_seconds if self.timeout_seconds else None
    env.next_state_name = self.start_at.start_at_name
    if seconds is None:
        EvalComponent.eval(self, env)
        return
    worker = current().threads.Thread(
        target=EvalComponent.eval, args=(self, env), name="machine", daemon=True
    )
    worker.start()
    worker.join(seconds)
    if worker.is_alive():
        env.set_timed_out()
        worker.join()


def eval_choice(original: Callable[..., None]) -> Callable[..., None]:
    """A Choice; when no rule matches and there is no Default, it fails with States.NoChoiceMatched."""

    def eval_state(self: Any, env: Any) -> None:
        try:
            original(self, env)
        except RuntimeError as error:
            if "No branching option" not in str(error.args[:1]):
                raise
            raise _failure(
                env,
                StatesErrorNameType.StatesNoChoiceMatched,
                f"No choice rule of state '{self.name}' matched and it has no Default",
            ) from error

    return eval_state


def entered_details(original: Callable[..., Any]) -> Callable[..., Any]:
    """The history details of entering a state, reported to the observer; refused when the history is full."""

    def details(self: Any, env: Any) -> Any:
        quota = current().history_quota
        if len(env.event_manager._history_event_list) >= quota:
            raise _failure(
                env,
                StatesErrorNameType.StatesRuntime,
                f"The execution reached the maximum number of history events ({quota}).",
            )
        made = original(self, env=env)
        observer = current().observer
        if observer is not None:
            observer.entered(execution_arn(env), self.name, made["input"])
        return made

    return details


def exited_details(original: Callable[..., Any]) -> Callable[..., Any]:
    """The history details of leaving a state, reported to the observer with the size of all its variables."""

    def details(self: Any, env: Any) -> Any:
        assigned = bool(env.variable_store._declaration_tracing)
        made = original(self, env=env)
        observer = current().observer
        if observer is not None:
            size = len(to_json_str(variables_of(env), separators=(",", ":"))) if assigned else 0
            observer.exited(execution_arn(env), self.name, made["output"], size)
        return made

    return details


def _failure(env: Any, name: Any, cause: str) -> Exception:
    """What ends an execution with an error of Step Functions' own."""
    details = ExecutionFailedEventDetails(error=name.to_name(), cause=cause)
    error: Exception = FailureEventException(
        failure_event=FailureEvent(
            env=env,
            error_name=StatesErrorName(typ=name),
            event_type=HistoryEventType.ExecutionFailed,
            event_details={"executionFailedEventDetails": details},
        )
    )
    return error
