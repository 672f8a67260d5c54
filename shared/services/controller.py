"""Carries out operator actions on an execution: judged, recorded once, then done and notified.

A message changes the records first, in one transaction with its own. Its other effects (callbacks, the start
of a retry) are repeated when the message is, and harmless.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from shared.aws.sns import notify
from shared.aws.step_functions import NAME_LIMIT, reject, start
from shared.model.execution import ControlRecord, ExecutionRecord
from shared.model.policies import Mode
from shared.rules.control.cli_hints import control_call
from shared.rules.control.decisions import Judgement, Standing, judge, refusal, retry_request
from shared.rules.control.messages import Action, ControlInvalidError, Message, unknown_execution
from shared.services.execution_liveness import execution_is_over
from shared.services.release_waves import resume_if_ready
from shared.services.wakeups import resume_waiting_batches
from shared.store import ExecutionNotFoundError, ExecutionStore
from shared.times import iso

TRIES = 5
LIFETIME_HOURS = {Mode.FAILOVER: 24, Mode.DRILL: 24, Mode.FAILBACK: 168}
"""TimeoutSeconds of the state machines; a pause does not stop that clock."""


class ControlBusyError(Exception):
    """Other messages came first, at every attempt. Send the message again."""


@dataclass(frozen=True, slots=True)
class Controls:
    """Where things are: the machines' ARNs by mode, the topic, and the function that takes messages."""

    machines: Mapping[Mode, str]
    topic_arn: str
    function_name: str


class Controller:
    def __init__(self, store: ExecutionStore, controls: Controls, now: datetime) -> None:
        self._store = store
        self._controls = controls
        self._now = now

    def carry_out(self, message: Message) -> dict[str, Any]:
        """``{executionId, action, result, id, …}``; the same for the same message.

        Raises ControlInvalidError, and ControlBusyError when it lost every race.
        """
        for _ in range(TRIES):
            record = self._record(message.execution_id)
            if known := self._known(message, record):
                self._act(message, record, known.answer)
                return known.answer
            self._refuse_out_of_time(message, record)
            if done := self._judged(message, record):
                return done
        raise ControlBusyError("The execution gets other messages at the same time. Send it again.")

    def _judged(self, message: Message, record: ExecutionRecord) -> dict[str, Any] | None:
        """None if another message came first."""
        execution_id = record.execution_id
        control_id = message.message_id or f"{record.controls + 1:04d}"
        standing = Standing(
            record,
            self._store.waves(execution_id),
            self._store.servers(execution_id) if message.action in (Action.SKIP, Action.RETRY) else (),
            self._store.controls(execution_id),
        )
        found = judge(message, standing, control_id, iso(self._now))
        if found.same_as is not None:
            self._act(message, record, found.same_as.answer)
            return found.same_as.answer
        given = self._answer(message, record, control_id, found)
        control = ControlRecord(
            control_id=control_id,
            action=message.action.value,
            by=message.by,
            reason=message.reason,
            at=iso(self._now),
            message=message.document,
            answer=given,
            by_event=message.by_event,
        )
        if not self._store.record_control(record, control, found.effect):
            return None
        self._act(message, self._store.execution(execution_id), given)
        self._notify(message, record, control_id, found.text)
        return given

    def _record(self, execution_id: str) -> ExecutionRecord:
        try:
            return self._store.execution(execution_id)
        except ExecutionNotFoundError:
            raise ControlInvalidError([unknown_execution(execution_id)]) from None

    def _refuse_out_of_time(self, message: Message, record: ExecutionRecord) -> None:
        execution_id = record.execution_id
        if message.action is Action.RETRY:
            if not execution_is_over(self._store, execution_id, record.arn or ""):
                remedy = f"Wait for its end, or cancel it first: {self._call(record, 'CANCEL')}"
                raise refusal("executionId", f"{execution_id} still runs.", remedy)
        elif record.status.is_final:
            remedy = f"For what is left of it: {self._call(record, 'RETRY')}"
            raise refusal("executionId", f"{execution_id} has ended: {record.status.value}.", remedy)

    def _known(self, message: Message, record: ExecutionRecord) -> ControlRecord | None:
        if message.message_id is None:
            return None
        known = self._store.control(record.execution_id, message.message_id)
        if known is not None and known.message != message.document:
            found = f"{message.message_id!r} is the id of another message: {known.action} by {known.by}."
            raise refusal("id", found, "Give each message an id of its own.")
        return known

    def _answer(
        self, message: Message, record: ExecutionRecord, control_id: str, found: Judgement
    ) -> dict[str, Any]:
        given: dict[str, Any] = {
            "executionId": record.execution_id,
            "action": message.action.value,
            "id": control_id,
            "result": found.text,
        }
        if message.action is Action.PAUSE:
            given["toResume"] = self._call(record, "RESUME", pause=control_id)
        if message.action is Action.RETRY:
            given["retry"] = retry_name(record.execution_id, message.retry_blocked)
        return given

    def _act(self, message: Message, record: ExecutionRecord, given: Mapping[str, Any]) -> None:
        if message.action is Action.RETRY:
            start(self._controls.machines[record.mode], str(given["retry"]), retry_request(message, record))
        if message.action is Action.CANCEL and record.approval_token:
            reject(record.approval_token, "ExecutionCancelled", f"{message.by}: {message.reason}")
        if message.action in (Action.RESUME, Action.SKIP, Action.CANCEL):
            resume_if_ready(self._store, record.execution_id, self._now)
            for site in self._store.plan(record.execution_id).sites:
                resume_waiting_batches(
                    self._store, site.origin if record.mode is Mode.FAILBACK else site.recovery
                )

    def _notify(self, message: Message, record: ExecutionRecord, control_id: str, text: str) -> None:
        lines = [f"Execution {record.execution_id} of plan {record.plan_name}: {text}"]
        if message.action is Action.PAUSE:
            hours = LIFETIME_HOURS[record.mode]
            lines += [
                f"It must end within {hours} hours of {record.started_at}, paused or not.",
                f"To resume: {self._call(record, 'RESUME', pause=control_id)}",
                f"To cancel: {self._call(record, 'CANCEL')}",
            ]
        done = {
            Action.PAUSE: "paused",
            Action.RESUME: "resumed",
            Action.SKIP: "skip asked for",
            Action.RETRY: "retry started",
            Action.CANCEL: "cancelling",
        }[message.action]
        notify(self._controls.topic_arn, f"{record.plan_name}: {done} by {message.by}", "\n".join(lines))

    def _call(self, record: ExecutionRecord, action: str, **fields: Any) -> str:
        return control_call(self._controls.function_name, record.execution_id, action, **fields)


def retry_name(execution_id: str, retry_blocked: bool) -> str:
    """The name of the execution that tries again: always the same, so that it is started once."""
    suffix = "-retry-blocked" if retry_blocked else "-retry"
    if len(execution_id) + len(suffix) <= NAME_LIMIT:
        return execution_id + suffix
    digest = sha256(execution_id.encode()).hexdigest()[:12]
    return f"{execution_id[: NAME_LIMIT - len(suffix) - 13]}-{digest}{suffix}"
