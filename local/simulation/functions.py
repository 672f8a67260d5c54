"""Lambda in this process: handlers are called as Lambda would, and can be made to fail."""

from __future__ import annotations

import importlib
import io
import itertools
import json
import os
import traceback
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from local.simulation.scheduler import Scheduler, Task
from local.simulation.template import Function, Template

Handler = Callable[[Any, Any], Any]
Watcher = Callable[[dict[str, Any]], None]
TIMEOUT_SECONDS = 900


@dataclass(slots=True)
class _Failure:
    error: str
    message: str
    times: int
    after: bool


@dataclass(slots=True)
class _State:
    handler: Handler | None = None
    watchers: list[Watcher] = field(default_factory=list)
    failures: list[_Failure] = field(default_factory=list)
    seconds: float = 0.0
    invocations: int = 0


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What goes wrong with one invocation.

    With ``error`` it dies: as soon as ``after_calls`` of its AWS calls are answered (0: before it does
    anything), at the latest at its end, and its caller gets the error. ``again_after``: the same
    input reaches the function a second time so many seconds after its begin, whatever became of the first;
    its answer is dropped. Make AWS calls take time (``api_seconds``), so that the two take turns.
    """

    error: str | None = None
    after_calls: int | None = None
    again_after: float | None = None


class FunctionKilledError(BaseException):
    """Ends an invocation in its midst. No handler catches it, as none survives the end of its process."""


class Invocation:
    """A run of a handler: it counts its calls, and makes none after its death."""

    def __init__(self, function: str, dies_after: int | None) -> None:
        self.function = function
        self.calls = 0
        self._dies_after = dies_after

    @property
    def is_dead(self) -> bool:
        return self._dies_after is not None and self.calls >= self._dies_after

    def check(self) -> None:
        """Raises FunctionKilledError if it is dead."""
        if self.is_dead:
            raise FunctionKilledError(self.function)

    def answered(self) -> None:
        """Counts a call. Raises FunctionKilledError if that was its last."""
        self.calls += 1
        self.check()


Disturber = Callable[[str, int], Disturbance | None]


class FunctionFailure(Exception):
    """What a handler raised, as Lambda reports it."""

    def __init__(self, error: str, message: str, trace: list[str]) -> None:
        super().__init__(message)
        self.payload = {"errorMessage": message, "errorType": error, "stackTrace": trace}


class Functions:
    """The Lambda functions of one virtual cloud, by their logical ids."""

    def __init__(self, template: Template, scheduler: Scheduler, invoked: Callable[[str], None]) -> None:
        self._template = template
        self._scheduler = scheduler
        self._invoked = invoked
        self._declared = template.functions()
        self._states: dict[str, _State] = {}
        self._requests = itertools.count(1)
        self._running: dict[Task | None, list[Invocation]] = defaultdict(list)
        self.disturb: Disturber = lambda name, number: None
        """Asked at each invocation for its issue: the function, and which invocation of it this is."""
        self.seconds = 0.0
        """How long each function takes, in virtual seconds, unless set for one with ``takes``."""

    def add(self, name: str, handler: Handler) -> None:
        """Makes ``handler`` the function ``name``, also in place of the one in ``functions/``."""
        self._state(name).handler = handler

    def fail(
        self, name: str, error: str, *, times: int = 1, after: bool = False, message: str = "made to fail"
    ) -> None:
        """The next ``times`` invocations end with ``error``: instead of the handler, or after it has run."""
        self._state(name).failures.append(_Failure(error, message, times, after))

    def heal(self) -> None:
        """No function is to fail any more."""
        self.disturb = lambda name, number: None
        for state in self._states.values():
            state.failures.clear()

    def watch(self, name: str, callback: Watcher) -> None:
        """``callback(event)`` is called before each invocation of ``name``."""
        self._state(name).watchers.append(callback)

    def takes(self, name: str, seconds: float) -> None:
        """From now on ``name`` takes that many virtual seconds."""
        self._state(name).seconds = seconds

    def invocations(self, name: str) -> int:
        """How often ``name`` was invoked."""
        return self._state(name).invocations

    def calling(self) -> Invocation | None:
        """The invocation that makes a call now, also from a thread of its own; None outside of handlers."""
        running = self._running.get(self._scheduler.running())
        return running[-1] if running else None

    def environment(self) -> dict[str, str]:
        """The variables of all functions; where they differ, each gets its own when it is invoked."""
        union: dict[str, str] = {}
        for function in self._declared.values():
            union.update(function.environment)
        return union

    def invoke(self, function_name: str, payload: bytes) -> tuple[bytes, str | None]:
        """The response's payload, and ``Unhandled`` if the function failed.

        Raises ClientError ResourceNotFoundException.
        """
        name = function_name.rsplit(":function:", 1)[-1].split(":")[0]
        function = self._declared.get(name)
        if function is None:
            function = self._declared[name] = self._template.function(name)
        state = self._state(name)
        handler = state.handler or self._load(function)
        state.invocations += 1
        self._invoked(name)
        event = json.loads(payload or b"{}")
        try:
            for watcher in state.watchers:
                watcher(event)
            issue = self.disturb(name, state.invocations) or Disturbance()
            if issue.again_after is not None:
                self._again(handler, function, payload, issue.again_after)
            result = self._call(state, handler, function, event, issue)
        except FunctionFailure as failure:
            return json.dumps(failure.payload).encode(), "Unhandled"
        return result, None

    def _call(
        self, state: _State, handler: Handler, function: Function, event: Any, issue: Disturbance
    ) -> bytes:
        failure = self._next_failure(state)
        result: Any = None
        if failure is None or failure.after:
            try:
                result = self._run(handler, function, event, issue)
            except FunctionKilledError:
                raise FunctionFailure(str(issue.error), "made to die", []) from None
            except Exception as error:
                trace = traceback.format_tb(error.__traceback__)
                raise FunctionFailure(type(error).__name__, str(error), trace) from error
        if issue.error is not None:
            raise FunctionFailure(issue.error, "made to die after its work", [])
        seconds = state.seconds or self.seconds
        if seconds and self._scheduler.current() is not None:
            self._scheduler.sleep(seconds)
        if failure is not None:
            raise FunctionFailure(failure.error, failure.message, [])
        try:
            return json.dumps(result).encode()
        except (TypeError, ValueError) as error:
            raise FunctionFailure(
                "Runtime.MarshalError", f"Unable to marshal response: {error}", []
            ) from error

    def _run(self, handler: Handler, function: Function, event: Any, issue: Disturbance) -> Any:
        invocation = Invocation(function.name, issue.after_calls if issue.error is not None else None)
        invocation.check()
        os.environ.update(function.environment)
        os.environ["AWS_LAMBDA_FUNCTION_NAME"] = function.name
        running = self._running[self._scheduler.running()]
        running.append(invocation)
        try:
            return handler(event, self._context(function.name))
        finally:
            running.pop()

    def _again(self, handler: Handler, function: Function, payload: bytes, seconds: float) -> None:
        def run() -> None:
            self._scheduler.sleep(seconds)
            with suppress(Exception):
                self._run(handler, function, json.loads(payload or b"{}"), Disturbance())

        self._scheduler.spawn(run, f"{function.name} again")

    def _next_failure(self, state: _State) -> _Failure | None:
        if not state.failures:
            return None
        failure = state.failures[0]
        failure.times -= 1
        if failure.times <= 0:
            state.failures.pop(0)
        return failure

    def _context(self, name: str) -> Any:
        template = self._template
        return SimpleNamespace(
            function_name=name,
            function_version="$LATEST",
            invoked_function_arn=template.arn(name) if name.endswith("Function") else name,
            memory_limit_in_mb="256",
            aws_request_id=f"00000000-0000-4000-8000-{next(self._requests):012d}",
            log_group_name=f"/aws/lambda/{name}",
            log_stream_name="virtual",
            identity=None,
            client_context=None,
            get_remaining_time_in_millis=lambda: TIMEOUT_SECONDS * 1000,
        )

    def _load(self, function: Function) -> Handler:
        if function.module is None:
            raise not_found(f"Function not found: {function.name}")
        handler: Handler = importlib.import_module(function.module).handler
        return handler

    def _state(self, name: str) -> _State:
        return self._states.setdefault(name, _State())


class LambdaClient:
    """The part of a boto3 Lambda client that the interpreter uses, without the wire between."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions

    def invoke(self, FunctionName: str, Payload: bytes = b"{}", **_: Any) -> dict[str, Any]:
        payload, failed = self._functions.invoke(FunctionName, Payload)
        answer: dict[str, Any] = {
            "StatusCode": 200,
            "ExecutedVersion": "$LATEST",
            "Payload": io.BytesIO(payload),
        }
        return {**answer, "FunctionError": failed} if failed else answer


def not_found(message: str) -> ClientError:
    """Lambda's ResourceNotFoundException."""
    return ClientError(
        {
            "Error": {"Code": "ResourceNotFoundException", "Message": message},
            "ResponseMetadata": {"HTTPStatusCode": 404, "RequestId": "virtual"},  # type: ignore[typeddict-item]
        },
        "Invoke",
    )
