"""The records of an execution: itself, its waves, its jobs, and operator actions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypedDict

from shared.model.policies import LaunchOrder, Mode
from shared.model.scope import Scope
from shared.model.server import Change
from shared.model.status import ExecutionStatus, PausePoint, Turn, WaveStatus


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause that an operator asked for. ``wave`` is set for BEFORE_WAVE only; ``at`` is ISO 8601."""

    pause_id: str
    when: PausePoint
    by: str
    reason: str
    at: str
    wave: str | None = None


@dataclass(frozen=True, slots=True)
class Cancellation:
    """The end that an operator asked for. ``undo_recovered``: also what was verified goes back."""

    by: str
    reason: str
    at: str
    control_id: str = ""
    undo: bool = False
    undo_recovered: bool = False


@dataclass(frozen=True, slots=True)
class ControlRecord:
    """A message to an execution: from whom, what, why and when, and the answer.

    ``message`` and ``answer`` are documents.
    """

    control_id: str
    action: str
    by: str
    reason: str
    at: str
    message: dict[str, Any]
    answer: dict[str, Any]
    by_event: bool = False


@dataclass(frozen=True, slots=True)
class WaveRecord:
    """``priority``: seconds from the wave's launch to the end of all that depends on it, as estimated.

    ``token``: of the task that waits for the wave's turn; ``awaits``: to do what. ``start_began_at``: when it
    was let start its instances. ``skip``: who had the wave skipped, and why.
    """

    name: str
    depends_on: tuple[str, ...]
    status: WaveStatus
    batches: int = 0
    servers: int = 0
    started_at: str | None = None
    ended_at: str | None = None
    reason: str | None = None
    priority: float = 0.0
    token: str | None = None
    awaits: Turn | None = None
    start_began_at: str | None = None
    skip: str | None = None
    dependents_continue: bool = False
    """Of a wave that was skipped by a message: whether those that depend on it continue without it."""


@dataclass(frozen=True, slots=True)
class ExecutionRecord:
    execution_id: str
    plan_name: str
    mode: Mode
    status: ExecutionStatus
    started_at: str
    dry_run: bool
    launch_order: LaunchOrder
    request: dict[str, Any]
    arn: str | None = None
    """Of the execution in Step Functions; a redriven one has several records."""
    ended_at: str | None = None
    reason: str | None = None
    remedy: str | None = None
    estimate_seconds: int | None = None
    approval_token: str | None = None
    approval_subject: str | None = None
    """What was asked last: START or CUTOVER."""
    approval_asked_at: str | None = None
    approval_notified_at: str | None = None
    """When the operators had been notified of that."""
    clean_up: str | None = None
    """Of a drill that was stopped: the execution that cleans up after it."""
    pauses: tuple[Pause, ...] = ()
    resumed_at: str | None = None
    controls: int = 0
    """How many messages it was sent."""
    approvers: int = 1
    """How many people the plan wants to approve. What counts is the workflow's own number."""
    superseded_by: str | None = None
    """The execution of an operator that took the plan while this one, an event's, waited for approval."""
    servers_skipped: bool = False
    """Whether a message had single servers skipped."""
    cancellation: Cancellation | None = None


@dataclass(frozen=True, slots=True)
class JobRecord:
    job_id: str
    scope: Scope
    wave: str
    batch: int
    attempt: int
    status: str
    created_at: str
    servers: int
    recorded: int = 0
    """How many of its servers had an outcome from DRS when their records were last updated."""
    settings_read: bool = False
    """Whether the launch settings of its servers were read once more while it ran."""


class WaveFields(TypedDict, total=False):
    """New values of fields of a ``WaveRecord``: who writes one need not have read it."""

    status: WaveStatus
    started_at: str | None
    ended_at: str | None
    reason: str | None
    token: str | None
    awaits: Turn | None
    start_began_at: str | None
    skip: str | None
    dependents_continue: bool


class ExecutionFields(TypedDict, total=False):
    """New values of fields of an ``ExecutionRecord``."""

    status: ExecutionStatus
    ended_at: str | None
    reason: str | None
    remedy: str | None
    estimate_seconds: int | None
    approval_token: str | None
    approval_subject: str | None
    approval_asked_at: str | None
    approval_notified_at: str | None
    clean_up: str | None
    pauses: tuple[Pause, ...] | None
    resumed_at: str | None
    superseded_by: str | None
    approvers: int
    servers_skipped: bool
    cancellation: Cancellation | None
    controls: int
    request: dict[str, Any]


class JobFields(TypedDict, total=False):
    """New values of fields of a ``JobRecord``."""

    status: str
    recorded: int
    settings_read: bool


@dataclass(frozen=True, slots=True)
class Effect:
    """What a message changes: fields of the execution, of waves by name, and of servers as they were read."""

    execution: ExecutionFields = field(default_factory=ExecutionFields)
    waves: dict[str, WaveFields] = field(default_factory=dict)
    servers: tuple[Change, ...] = ()


def ended_fields(record: ExecutionRecord) -> ExecutionFields:
    """What the end of an execution changes of its record."""
    return {
        "status": record.status,
        "ended_at": record.ended_at,
        "reason": record.reason,
        "remedy": record.remedy,
    }
