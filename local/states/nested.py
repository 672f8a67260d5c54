"""Tasks that wait for something outside: a nested execution (``.sync``, ``.sync:2``) or a task token."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError
from moto.stepfunctions.parser.asl.eval.callback.callback import CallbackOutcomeTimedOut

from local.states import waits
from local.states.runtime import current

LOG = logging.getLogger(__name__)


class ChildResolver:
    """Asks for a nested execution's outcome; knows which it is and how to stop it."""

    def __init__(self, ask: Callable[[], Any], execution_arn: str, client: Any) -> None:
        self._ask = ask
        self.execution_arn = execution_arn
        self._client = client

    def __call__(self) -> Any:
        return self._ask()

    def stop(self) -> None:
        """A parent that is stopped or times out stops its child, as well as it can (Step Functions guide,
        "Run a Job (.sync)")."""
        try:
            self._client.stop_execution(executionArn=self.execution_arn)
        except ClientError as error:
            LOG.warning("nested execution %s was not stopped: %s", self.execution_arn, error)


def child_resolver(original: Callable[..., Any]) -> Callable[..., Any]:
    """Builds the question that a ``startExecution.sync`` task asks until its child has ended."""

    def build(
        self: Any,
        env: Any,
        resource_runtime_part: Any,
        normalised_parameters: dict[str, Any],
        state_credentials: Any,
    ) -> ChildResolver:
        execution_arn: str = env.stack[-1]["ExecutionArn"]
        ask = original(
            self,
            env=env,
            resource_runtime_part=resource_runtime_part,
            normalised_parameters=normalised_parameters,
            state_credentials=state_credentials,
        )
        client = current().client(resource_runtime_part.region, "stepfunctions", state_credentials)
        return ChildResolver(ask, execution_arn, client)

    return build


def eval_sync(
    self: Any,
    env: Any,
    sync_resolver: Any,
    timeout_seconds: int | None,
    callback_endpoint: Any,
    heartbeat_endpoint: Any,
) -> Any:
    """Waits until the child has ended: for the notification, and by polling now and then."""
    runtime = current()
    arn = getattr(sync_resolver, "execution_arn", "")
    result = None
    while env.is_running():
        changed = runtime.threads.Event()
        with waits.when_ended(arn, changed.set), waits.interrupted(env, changed.set):
            result = sync_resolver()
            if result:
                return result
            changed.wait(runtime.poll_seconds if arn else 0.5)
    if isinstance(sync_resolver, ChildResolver):
        sync_resolver.stop()
    return result


def eval_wait_for_task_token(
    self: Any, env: Any, timeout_seconds: int, callback_endpoint: Any, heartbeat_endpoint: Any
) -> Any:
    """Waits for the task's token to come back, a heartbeat to stay away, or the task to end otherwise."""
    with waits.interrupted(env, callback_endpoint.interrupt_all):
        if heartbeat_endpoint is not None:
            outcome = self._wait_for_task_token_heartbeat(env, callback_endpoint, heartbeat_endpoint)
        else:
            outcome = self._wait_for_task_token_timeout(timeout_seconds, callback_endpoint)
    if outcome is None:
        return CallbackOutcomeTimedOut(callback_id=callback_endpoint.callback_id)
    return outcome
