"""What a message makes of an execution as it is: the rules. Doing it is the controller's part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from shared.model.execution import (
    Cancellation,
    ControlRecord,
    Effect,
    ExecutionRecord,
    Pause,
    WaveRecord,
)
from shared.model.policies import Mode
from shared.model.server import Change, ServerRecord
from shared.model.status import NOT_RECOVERED, PausePoint, ServerStatus
from shared.rules.control.messages import Action, ControlInvalidError, Message
from shared.rules.plan.contract_wording import did_you_mean
from shared.rules.plan.contracts import Problem

MAX_PAUSES = 10
TAKEN_OUT = (ServerStatus.STARTING,)
"""A server that is starting is verified first: it can no more be skipped than one with an outcome."""


@dataclass(frozen=True, slots=True)
class Standing:
    """An execution as a message finds it. ``waves`` is empty before they are planned."""

    record: ExecutionRecord
    waves: Sequence[WaveRecord] = ()
    servers: Sequence[ServerRecord] = ()
    controls: Sequence[ControlRecord] = ()

    def control(self, control_id: str) -> ControlRecord:
        return next(control for control in self.controls if control.control_id == control_id)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What becomes of a message. ``text`` is for the operators; ``same_as``: one that did the same."""

    text: str
    effect: Effect = field(default_factory=Effect)
    same_as: ControlRecord | None = None


def judge(message: Message, at: Standing, control_id: str, now: str) -> Judgement:
    """Raises ControlInvalidError. ``control_id`` names the message from now on."""
    if at.record.dry_run:
        raise refusal("executionId", f"{message.execution_id} is a dry run.", "Wait: it ends by itself.")
    judgements: dict[Action, Callable[[Message, Standing, str, str], Judgement]] = {
        Action.PAUSE: _pause,
        Action.RESUME: _resume,
        Action.SKIP: _skip,
        Action.RETRY: _retry,
        Action.CANCEL: _cancel,
    }
    return judgements[message.action](message, at, control_id, now)


def refusal(path: str, found: str, remedy: str) -> ControlInvalidError:
    return ControlInvalidError([Problem(path, found, remedy)])


def _pause(message: Message, at: Standing, control_id: str, now: str) -> Judgement:
    if at.record.cancellation is not None:
        raise refusal("action", "The execution is cancelled already.", "Wait for its end.")
    if message.when is PausePoint.BEFORE_WAVE:
        wave = _wave(message.wave, at, "before")
        if wave is not None and _has_begun_to_start(wave):
            raise refusal("before", _begun(wave), "Name a wave that has not, or say when: NEXT_WAVE.")
    asked = (message.when, message.wave, message.by, message.reason)
    for pause in at.record.pauses:
        if (pause.when, pause.wave, pause.by, pause.reason) == asked:
            return Judgement("", same_as=at.control(pause.pause_id))
    if len(at.record.pauses) >= MAX_PAUSES:
        raise refusal("action", f"There are {MAX_PAUSES} pauses already.", "RESUME some of them first.")
    new = Pause(control_id, message.when, message.by, message.reason, now, message.wave)
    what = {
        PausePoint.NOW: "no new job and no start; what runs in DRS goes on",
        PausePoint.NEXT_WAVE: "waves that have not begun do not begin",
        PausePoint.BEFORE_WAVE: f"the wave {message.wave} neither launches nor starts",
    }[message.when]
    text = f"Paused by {message.by} because: {message.reason} ({what})."
    return Judgement(text, Effect({"pauses": (*at.record.pauses, new)}))


def _resume(message: Message, at: Standing, control_id: str, now: str) -> Judgement:
    pauses = at.record.pauses
    if message.pause is not None and all(pause.pause_id != message.pause for pause in pauses):
        there = ", ".join(pause.pause_id for pause in pauses) or "none"
        raise refusal("pause", f"{message.pause} is no pause of it (any more).", f"There are: {there}.")
    left = tuple(pause for pause in pauses if message.pause is not None and pause.pause_id != message.pause)
    text = f"Resumed by {message.by} because: {message.reason}"
    text += f" ({len(left)} other pauses stay)." if left else "."
    return Judgement(
        text if pauses else "Nothing was paused.", Effect({"pauses": left or None, "resumed_at": now})
    )


def _skip(message: Message, at: Standing, control_id: str, now: str) -> Judgement:
    if message.wave is not None:
        return _skip_wave(message, at)
    found = [_server(name, at, f"servers[{place}]") for place, name in enumerate(message.servers)]
    skip = f"{message.by} had it skipped: {message.reason}"
    ended = [server for server in found if server.status.is_final or server.status in TAKEN_OUT]
    if ended:
        names = ", ".join(f"{server.name} is {server.status.value}" for server in ended)
        raise refusal("servers", f"{names}.", "Skip only servers that are not started yet.")
    changes = tuple(Change(server, replace(server, skip=skip)) for server in found if server.skip is None)
    names = ", ".join(server.name for server in found)
    text = f"{message.by} had {names} skipped because: {message.reason}"
    return Judgement(text, Effect({"servers_skipped": True}, servers=changes))


def _skip_wave(message: Message, at: Standing) -> Judgement:
    wave = _wave(message.wave, at, "wave")
    if wave is None:
        found = "The waves are not planned yet."
        raise refusal("wave", found, "Send it again in a minute, or PAUSE before the wave meanwhile.")
    if wave.skip is not None or _has_begun_to_start(wave):
        raise refusal("wave", wave.skip or _begun(wave), "Skip only a wave that is not started yet.")
    continues = message.dependents_continue
    text = f"{message.by} had the wave {wave.name} skipped because: {message.reason}"
    text += f" (those that depend on it {'continue' if continues else 'are skipped too'})."
    skip = f"{message.by} had the wave skipped: {message.reason}"
    return Judgement(text, Effect(waves={wave.name: {"skip": skip, "dependents_continue": continues}}))


def _retry(message: Message, at: Standing, control_id: str, now: str) -> Judgement:
    for control in at.controls:
        same = control.message.get("retryBlocked", False) == message.retry_blocked
        if control.action == Action.RETRY and same:
            return Judgement("", same_as=control)
    wanted = NOT_RECOVERED | ({ServerStatus.BLOCKED} if message.retry_blocked else frozenset())
    left = [server for server in at.servers if server.status in wanted]
    if not left:
        blocked = sum(server.status is ServerStatus.BLOCKED for server in at.servers)
        remedy = f"{blocked} are blocked: send retryBlocked: true for them." if blocked else "Nothing to do."
        raise refusal("executionId", f"No server of {at.record.execution_id} failed or was skipped.", remedy)
    return Judgement(f"{message.by} had {len(left)} servers tried again because: {message.reason}")


def retry_request(message: Message, record: ExecutionRecord) -> dict[str, Any]:
    """The request of the execution that tries again: as it was, for what did not recover."""
    return {
        **record.request,
        "retryOf": record.execution_id,
        "retryBlocked": message.retry_blocked,
        "startedBy": "OPERATOR",
        "reason": message.reason,
        "requestedBy": message.by,
    }


def _cancel(message: Message, at: Standing, control_id: str, now: str) -> Judgement:
    record = at.record
    if message.by_event and at.waves:
        found = "Its waves are planned and its servers reserved: no event cancels it any more."
        raise refusal("action", found, "Send it with aws lambda invoke. An event may PAUSE it meanwhile.")
    undo_recovered = False
    if message.confirm is not None:
        if message.confirm != record.plan_name:
            found = f"{message.confirm!r} is not the name of its plan."
            raise refusal("confirm", found, f"To put recovered servers back, write {record.plan_name!r}.")
        if record.mode is Mode.FAILBACK:
            found = "Servers that failed back are not sent back: what was written there would be lost."
            raise refusal("confirm", found, "Remove it. To go back, fail over again when they are protected.")
        undo_recovered = True
    before = record.cancellation
    new = Cancellation(message.by, message.reason, now, control_id, message.undo, undo_recovered)
    if before is not None and (before.undo, before.undo_recovered) >= (new.undo, new.undo_recovered):
        return Judgement("", same_as=at.control(before.control_id))
    what = "what it launched stays as it is"
    if new.undo:
        what = "what it launched and did not verify goes back"
        what += ", and so do the servers that it recovered" if undo_recovered else ""
    text = f"Cancelled by {message.by} because: {message.reason} ({what})."
    return Judgement(text, Effect({"cancellation": new}))


def _has_begun_to_start(wave: WaveRecord) -> bool:
    return wave.status.is_final or wave.start_began_at is not None


def _begun(wave: WaveRecord) -> str:
    stands = wave.status.value if wave.status.is_final else "starting its instances"
    return f"The wave {wave.name} is {stands} already."


def _wave(name: str | None, at: Standing, path: str) -> WaveRecord | None:
    """The wave of that name; None as long as no wave is planned. Raises ControlInvalidError."""
    names = [wave.name for wave in at.waves]
    if name in names or not names:
        return next((wave for wave in at.waves if wave.name == name), None)
    close = did_you_mean(str(name), names)
    remedy = f"Write {close!r}." if close else f"There are: {', '.join(names)}."
    raise refusal(path, f"{name!r} is no wave of it.", remedy)


def _server(name: str, at: Standing, path: str) -> ServerRecord:
    found = [server for server in at.servers if name in (server.source_server_id, server.name)]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(server.source_server_id for server in found)
        raise refusal(path, f"Several servers are called {name!r}.", f"Write the id of one: {ids}.")
    close = did_you_mean(name, [server.name for server in at.servers])
    remedy = f"Write {close!r}." if close else "Write a name or source server id of its report."
    raise refusal(path, f"{name!r} is no server of it.", remedy)
