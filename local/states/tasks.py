"""How a Task, Parallel or Map state is tried, timed, retried, caught, and stopped."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError
from moto.stepfunctions.parser.api import HistoryEventType, TaskTimedOutEventDetails
from moto.stepfunctions.parser.asl.component.common.catch.catch_outcome import CatchOutcome
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.common.retry.max_attempts_decl import MaxAttemptsOutcome
from moto.stepfunctions.parser.asl.component.common.retry.retrier_outcome import RetrierOutcome
from moto.stepfunctions.parser.asl.component.common.retry.retry_outcome import RetryOutcome
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import EvalTimeoutError
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import ResourceCondition
from moto.stepfunctions.parser.asl.eval.callback.callback import HeartbeatTimeoutError

from local.states import waits
from local.states.runtime import current

NO_REQUEST_ID = "00000000-0000-0000-0000-000000000000"


def _waits_for_token(state: Any) -> bool:
    resource = getattr(state, "resource", None)
    return bool(getattr(resource, "condition", None) == ResourceCondition.WaitForTaskToken)


def evaluate_with_timeout(self: Any, env: Any) -> None:
    """One attempt at a state. Ends at once, without a result, when ``env`` stops running meanwhile.

    Raises what the attempt raised, or EvalTimeoutError.
    """
    self.timeout.eval(env=env)
    timeout_seconds: int = env.stack.pop()
    frame = env.open_frame()
    frame.states.reset(input_value=env.states.get_input())
    frame.stack = copy.deepcopy(env.stack)
    outputs: list[Any] = []
    failures: list[Exception] = []
    threads = current().threads
    terminated = threads.Event()

    def attempt() -> None:
        try:
            self._eval_execution(frame)
            outputs.extend(frame.stack)
        except Exception as error:  # noqa: BLE001  raised again below, in the state's own thread
            failures.append(error)
        terminated.set()

    threads.Thread(target=attempt, name=f"{self.name} attempt", daemon=True).start()
    if threads is threading and _waits_for_token(self):  # no work of ours: it goes by the clock
        current().clock.call_later(timeout_seconds, terminated.set)
    with waits.interrupted(env, terminated.set):
        terminated.wait(timeout_seconds)
    in_time = bool(outputs or failures)
    if not env.is_running():
        env.close_frame(frame)
        return
    frame.set_ended()
    env.close_frame(frame)
    if failures:
        raise failures[-1]
    if not in_time:
        raise EvalTimeoutError()

    output = outputs.pop()
    env.stack.append(output)
    if not self._is_language_query_jsonpath():
        env.states.set_result(output)
    if self.assign_decl:
        self.assign_decl.eval(env=env)
    if self.result_selector:
        self.result_selector.eval(env=env)
    if self.result_path:
        self.result_path.eval(env)
    else:
        env.states.reset(input_value=env.stack.pop())


def eval_retrier(self: Any, env: Any) -> None:
    """One retrier: does it match, are attempts left, and the wait before the next by the clock."""
    self.error_equals.eval(env)
    if not env.stack.pop():
        env.stack.append(RetrierOutcome.Skipped)
        return
    self.max_attempts.eval(env=env)
    if env.stack.pop() == MaxAttemptsOutcome.EXHAUSTED:
        env.stack.append(RetrierOutcome.Failed)
        return
    self.interval_seconds.eval(env=env)
    self.backoff_rate.eval(env=env)
    self.max_delay_seconds.eval(env=env)
    self.jitter_strategy.eval(env=env)
    waits.sleep(env, env.stack.pop())
    env.stack.append(RetrierOutcome.Executed)


def error_matches(self: Any, env: Any) -> None:
    """Pushes whether ErrorEquals names the error (Step Functions guide, "Handling errors", error names).

    ``States.Runtime`` is never caught, ``States.DataLimitExceeded`` not by ``States.ALL``.
    ``States.TaskFailed`` is any error of a task but a timeout. A missed heartbeat is a timeout as well.
    """
    error: str = getattr(env.stack.pop(), "error_name", None) or ""
    named = {name.error_name for name in self.error_names}
    if error == "States.Runtime":
        matches = False
    elif error in named:
        matches = True
    elif "States.ALL" in named:
        matches = error != "States.DataLimitExceeded"
    elif error == "States.HeartbeatTimeout":
        matches = "States.Timeout" in named
    else:
        matches = "States.TaskFailed" in named and not error.startswith("States.")
    env.stack.append(matches)


def observed_retry(original: Callable[..., Any]) -> Callable[..., Any]:
    """The state's retry, reported to the observer when it tries again."""

    def handle_retry(self: Any, env: Any, failure_event: Any) -> Any:
        outcome = original(self, env=env, failure_event=failure_event)
        observer = current().observer
        if observer is not None and outcome == RetryOutcome.CanRetry:
            observer.retried(execution_arn(env), self.name, _error_of(failure_event))
        return outcome

    return handle_retry


def observed_catch(original: Callable[..., None]) -> Callable[..., None]:
    """The state's catch, reported to the observer when one matched."""

    def handle_catch(self: Any, env: Any, failure_event: Any) -> None:
        original(self, env=env, failure_event=failure_event)
        observer = current().observer
        if observer is not None and env.stack[-1] == CatchOutcome.Caught:
            observer.caught(execution_arn(env), self.name, _error_of(failure_event))

    return handle_catch


def task_failure(original: Callable[..., Any]) -> Callable[..., Any]:
    """The failure event of a task; a missed heartbeat is States.HeartbeatTimeout and not States.Timeout."""

    def from_error(self: Any, env: Any, ex: Exception) -> Any:
        if not isinstance(ex, HeartbeatTimeoutError):
            return original(self, env=env, ex=ex)
        name = StatesErrorNameType.StatesHeartbeatTimeout
        return FailureEvent(
            env=env,
            error_name=StatesErrorName(typ=name),
            event_type=HistoryEventType.TaskTimedOut,
            event_details={"taskTimedOutEventDetails": TaskTimedOutEventDetails(error=name.to_name())},
        )

    return from_error


def sdk_failure(original: Callable[..., Any]) -> Callable[..., Any]:
    """The failure event of an SDK task, also when the service sent no request id."""

    def from_error(self: Any, env: Any, ex: Exception) -> Any:
        if isinstance(ex, ClientError):
            response: dict[str, Any] = dict(ex.response)
            metadata = {"RequestId": NO_REQUEST_ID, **response.get("ResponseMetadata", {})}
            ex.response = {**response, "ResponseMetadata": metadata}  # type: ignore[typeddict-item]
        return original(self, env=env, ex=ex)

    return from_error


def execution_arn(env: Any) -> str:
    """The ARN of the execution that ``env`` belongs to."""
    arn: str = env.states.context_object.context_object_data["Execution"]["Id"]
    return arn


def _error_of(failure_event: Any) -> str:
    return getattr(failure_event.error_name, "error_name", None) or ""
