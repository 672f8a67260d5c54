"""One run of a machine on the interpreter."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from moto.stepfunctions.parser.asl.eval.callback.callback import (
    CallbackConsumerTimeout,
    CallbackNotifyConsumerError,
    CallbackOutcomeFailure,
    CallbackOutcomeSuccess,
)
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser, ASLParserException
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

from local.states import waits
from local.states.errors import DefinitionError, TaskDoesNotExistError, TaskTimedOutError
from local.states.orders import Order
from local.states.redrive import begin_at
from local.states.runtime import current
from local.states.times import iso

LOG = logging.getLogger(__name__)


def check(definition: str) -> None:
    """Raises DefinitionError when CreateStateMachine would refuse ``definition``."""
    try:
        AmazonStateLanguageParser.parse(definition)
    except ASLParserException as error:
        raise DefinitionError("; ".join(error.errors)) from error
    except Exception as error:  # the grammar's listeners raise whatever they stumble on
        raise DefinitionError(f"{type(error).__name__}: {error}") from error


class AslExecution:
    """One attempt of an execution, from ``start()`` until ``on_end(self)`` is called in its own thread.

    What the interpreter cannot run ends as FAILED with States.Runtime; what is stopped before its first state
    ends as ABORTED. Nothing here stores executions; the engine that owns this one does.
    """

    def __init__(self, order: Order, on_end: Callable[[AslExecution], None] = lambda execution: None) -> None:
        machine, resume = order.machine, order.resume
        definition = machine.definition
        if resume:
            definition = json.dumps(begin_at(json.loads(definition), resume.state))
        self.order = order
        self.stopped = False
        self.start_date: datetime = current().clock.now()
        self.stop_date: datetime | None = None
        self._execution = _Execution(
            owner=self,
            name=order.name,
            sm_type=machine.type,
            role_arn=machine.role_arn,
            exec_arn=order.arn,
            account_id=machine.account,
            region_name=machine.region,
            state_machine=SimpleNamespace(
                arn=machine.arn,
                name=machine.name,
                sm_type=machine.type,
                definition=definition,
                revision_id=None,
                logging_config=None,
                create_date=None,
            ),
            start_date=self.start_date,
            cloud_watch_logging_session=None,
            activity_store={},
            input_data=resume.input if resume else order.input,
        )
        self._on_end = on_end

    def start(self) -> None:
        """Starts running; returns at once."""
        self._execution.start()

    def stop(self, error: str | None = None, cause: str | None = None) -> None:
        """Ends it as ABORTED, together with every wait and nested execution in it."""
        self.stopped = True
        self._execution.error, self._execution.cause = error, cause
        self._execution.stop(current().clock.now(), error, cause)

    @property
    def name(self) -> str:
        return self.order.name

    @property
    def execution_arn(self) -> str:
        return self.order.arn

    @property
    def input_json(self) -> str:
        """The execution's own input, also in a redrive."""
        return self.order.input

    @property
    def status(self) -> str:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED."""
        status = self._execution.exec_status
        return str(getattr(status, "value", status) or "RUNNING")

    @property
    def output_json(self) -> str | None:
        """The output's text, None unless SUCCEEDED."""
        if self.status != "SUCCEEDED":
            return None
        return str(to_json_str(self._execution.output, separators=(",", ":")))

    @property
    def error(self) -> str | None:
        if self.status == "TIMED_OUT":
            return "States.Timeout"
        return self._execution.error  # type: ignore[no-any-return]

    @property
    def cause(self) -> str | None:
        return self._execution.cause  # type: ignore[no-any-return]

    def history(self) -> list[dict[str, Any]]:
        """GetExecutionHistory's events, oldest first, times as ISO 8601 text."""
        env = self._env()
        if env is None:
            return []
        events = env.event_manager.get_event_history()
        return [_plain_event(event) for event in events]

    def map_runs(self) -> list[Any]:
        """The interpreter's records of the Distributed Maps so far, each with ``describe()``."""
        env = self._env()
        return list(env.map_run_record_pool_manager.get_all()) if env is not None else []

    def send_task_success(self, token: str, output_json: str) -> bool:
        """False when the token is not one of this execution's.

        Raises TaskDoesNotExistError, TaskTimedOutError, and ValueError when the output is not JSON.
        """
        json.loads(output_json)
        return self._notify(token, CallbackOutcomeSuccess(callback_id=token, output=output_json))

    def send_task_failure(self, token: str, error: str | None, cause: str | None) -> bool:
        """As ``send_task_success``."""
        return self._notify(token, CallbackOutcomeFailure(callback_id=token, error=error, cause=cause))

    def send_task_heartbeat(self, token: str) -> bool:
        """As ``send_task_success``."""
        return self._notify(token, None)

    def _notify(self, token: str, outcome: Any) -> bool:
        env = self._env()
        if env is None or env.callback_pool_manager.get(token) is None:
            return False
        if not env.is_running():
            raise TaskDoesNotExistError(f"Task does not exist: the execution is {self.status}")
        endpoint = env.callback_pool_manager.get(token)
        if endpoint._notify_event.is_set():
            raise TaskTimedOutError("Task Timed Out: 'Provided task does not exist anymore'")
        try:
            if outcome is None:
                env.callback_pool_manager.heartbeat(callback_id=token)
            else:
                env.callback_pool_manager.notify(callback_id=token, outcome=outcome)
        except CallbackNotifyConsumerError as error:
            kind = type(error.callback_consumer_error)
            raise (TaskTimedOutError if kind is CallbackConsumerTimeout else TaskDoesNotExistError)(
                "Task Timed Out: 'Provided task does not exist anymore'"
            ) from error
        return True

    def _env(self) -> Any:
        worker = self._execution.exec_worker
        return worker.env if worker is not None else None

    def _ended(self, status: str | None = None, error: str | None = None, cause: str | None = None) -> None:
        """The attempt is over; ``status`` is given where the interpreter did not set it."""
        if status is not None:
            self._execution.exec_status = status
            self._execution.error = error or self._execution.error
            self._execution.cause = cause or self._execution.cause
        self.stop_date = current().clock.now()
        self._on_end(self)
        waits.execution_ended(self.execution_arn)


class _StoppedBeforeItBeganError(Exception):
    """The execution was stopped before its first state."""


class _Execution(Execution):  # type: ignore[misc]
    """moto's execution; notifies its owner when it has ended."""

    def __init__(self, owner: AslExecution, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._owner = owner

    def _get_start_execution_worker_comm(self) -> Any:
        return _Communication(self)

    def _get_start_execution_worker(self) -> Any:
        worker = super()._get_start_execution_worker()
        worker.__class__ = _Worker
        worker.owner = self._owner
        return worker


class _Worker(ExecutionWorker):  # type: ignore[misc]
    """moto's worker; its context object and variables are those of the order."""

    owner: AslExecution

    def _get_evaluation_environment(self) -> Any:
        env = super()._get_evaluation_environment()
        if self.owner.stopped:
            raise _StoppedBeforeItBeganError
        order = self.owner.order
        context = env.states.context_object.context_object_data["Execution"]
        context["StartTime"] = iso(context["StartTime"])
        context["RedriveCount"] = order.redrive_count
        context["Input"] = json.loads(order.input)
        for name, value in (order.resume.variables if order.resume else {}).items():
            env.variable_store.set(name, value)
        env.variable_store.reset_tracing()
        return env

    def _execution_logic(self) -> None:
        try:
            super()._execution_logic()
        except _StoppedBeforeItBeganError:
            self.owner._ended("ABORTED")
        except Exception as unexpected:
            if self.owner.stop_date is not None:
                raise  # it ran to its end: the error is not the machine's
            LOG.exception("%s cannot run", self.owner.execution_arn)
            self.owner._ended("FAILED", "States.Runtime", f"{type(unexpected).__name__}: {unexpected}")

    def stop(self, stop_date: Any, error: str | None, cause: str | None) -> None:
        if self.env is not None:
            super().stop(stop_date=stop_date, error=error, cause=cause)


class _Communication(BaseExecutionWorkerCommunication):  # type: ignore[misc]
    def terminated(self) -> None:
        try:
            super().terminated()
        finally:
            self.execution._owner._ended()


def _plain_event(event: dict[str, Any]) -> dict[str, Any]:
    plain = dict(event)
    plain["type"] = str(getattr(event["type"], "value", event["type"]))
    if isinstance(event["timestamp"], datetime):
        plain["timestamp"] = iso(event["timestamp"])
    return plain
