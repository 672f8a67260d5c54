"""What a wave and its open servers become when the wave ends, and what its notification says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared.model.execution import WaveFields
from shared.model.policies import FailurePolicy
from shared.model.server import ServerRecord
from shared.model.status import ServerStatus, WaveStatus
from shared.rules.control.cli_hints import control_call
from shared.rules.failback.workloads import whereabouts
from shared.rules.waves.outcome import wave_outcome
from shared.times import iso


@dataclass(frozen=True, slots=True)
class WaveEnd:
    """How a wave ended.

    ``skipped``: why it did not launch. ``failure``: the error that ended it. ``not_started``: which batches
    failed. Each is empty if it does not apply.
    """

    now: datetime
    skipped: str = ""
    failure: str = ""
    not_started: str = ""


def server_at_wave_end(server: ServerRecord, end: WaveEnd) -> ServerRecord:
    """An open server of the wave, with its outcome: SKIPPED with the wave, else FAILED."""
    return _skipped(server, end.skipped) if end.skipped else _failed(server, end.not_started or end.failure)


def _skipped(server: ServerRecord, reason: str) -> ServerRecord:
    remedy = "Repair what failed and run the plan again."
    if server.status is ServerStatus.LAUNCHED:
        state = "runs, since DRS started it" if server.started_by_drs else "is stopped"
        remedy = f"{remedy} {server.pair_instance_id} has the recovered volumes and {state}."
    return replace(server, status=ServerStatus.SKIPPED, reason=reason, remedy=_with_place(remedy, server))


def _failed(server: ServerRecord, error: str) -> ServerRecord:
    reason = server.reason or (
        f"The wave ended while this server was {server.status.value}: {error or 'no error recorded'}"
    )
    remedy = server.remedy or "Look at the wave's execution in Step Functions, then run the plan again."
    if server.job_id and server.status is not ServerStatus.LAUNCH_FAILED:
        remedy = (
            f"{remedy} {server.pair_instance_id} was launched into by job {server.job_id}: look there first."
        )
    return server.failed(reason, _with_place(remedy, server))


def _with_place(remedy: str, server: ServerRecord) -> str:
    return f"{remedy} {whereabouts(server)}".strip()


def wave_fields_at_end(policy: FailurePolicy, servers: Sequence[ServerRecord], end: WaveEnd) -> WaveFields:
    """The fields of the wave's record; ``servers`` have their outcomes."""
    status = WaveStatus.SKIPPED if end.skipped else wave_outcome(policy, servers)
    status = WaveStatus.FAILED if end.failure else status
    values: WaveFields = {
        "status": status,
        "ended_at": iso(end.now),
        "reason": end.skipped or end.failure or None,
    }
    skips = {server.skip for server in servers}
    if status is WaveStatus.SKIPPED and not end.skipped and skips and None not in skips:
        # Operators skipped each of its servers, not the wave: those that depend on it continue.
        values.update({"skip": servers[0].skip, "dependents_continue": True})
    return values


def wave_notification(
    execution_id: str,
    wave: str,
    servers: Sequence[ServerRecord],
    values: WaveFields,
    control_function: str,
) -> str:
    """The text of the notification about a wave that ended as ``values`` say."""
    count = Counter(server.status for server in servers)
    return (
        f"Execution {execution_id}, wave {wave}: {count[ServerStatus.RECOVERED]} of {len(servers)} servers "
        f"recovered, {count[ServerStatus.FAILED]} failed, {count[ServerStatus.SKIPPED]} skipped, "
        f"{count[ServerStatus.BLOCKED]} blocked. {values['reason'] or ''}\n"
        + "\n".join(f"{s.name}: {s.reason} → {s.remedy}" for s in servers if s.reason)
        + _what_next(execution_id, values["status"], control_function)
    )


def _what_next(execution_id: str, status: WaveStatus, control_function: str) -> str:
    if status not in (WaveStatus.FAILED, WaveStatus.COMPLETED_WITH_FAILURES):
        return ""
    calls = {
        "To pause the other waves": {"action": "PAUSE"},
        "To try again what failed, when the execution has ended": {"action": "RETRY"},
    }
    return "".join(
        f"\n\n{what}:\n{control_call(control_function, execution_id, **fields)}"
        for what, fields in calls.items()
    )
