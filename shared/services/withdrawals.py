"""Gives the servers that people took out of an execution their outcome, before their next step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.model.execution import ExecutionRecord, WaveRecord
from shared.model.server import ServerChange, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.control.pauses import withdrawal
from shared.rules.failback.workloads import whereabouts
from shared.store import ExecutionStore

UNTOUCHABLE = (ServerStatus.LAUNCHING, ServerStatus.STARTING)
"""A job, or a start, that runs comes to its end first."""
WITHDRAWABLE = tuple(s for s in ServerStatus if not s.is_final and s not in UNTOUCHABLE)
"""What a person may still take out of an execution."""


def withdraw_skipped(store: ExecutionStore, record: ExecutionRecord, wave: WaveRecord) -> None:
    """Settle those of the wave's servers that somebody had skipped and that no job holds."""
    withdraw(store, record, wave, store.servers(record.execution_id, wave.name))


def withdraw(
    store: ExecutionStore, record: ExecutionRecord, wave: WaveRecord, servers: Sequence[ServerRecord]
) -> list[ServerRecord]:
    """Give those of ``servers`` that are taken out their outcome; returns those that take part.

    Whoever is about to launch or start servers asks first: nobody else may, so that none is launched that
    has its outcome.
    """
    left, changes = [], []
    for server in servers:
        said = withdrawal(record, wave, server)
        if said is None or server.status not in WITHDRAWABLE:
            left.append(server)
        else:
            changes.append(ServerChange(server, outcome_of(server, said)))
    store.change_servers(record.execution_id, changes)
    return left


def outcome_of(server: ServerRecord, said: str) -> dict[str, Any]:
    """SKIPPED; FAILED where a launch was tried and did not succeed."""
    if server.status is ServerStatus.LAUNCH_FAILED:
        reason = f"{server.reason or 'Its launch failed.'} It was not launched again: {said}"
        return {"status": ServerStatus.FAILED, "reason": reason, "remedy": server.remedy or _again(server)}
    launched = server.status is ServerStatus.LAUNCHED
    stands = f" {server.pair_instance_id} has the recovered volumes and was not started." if launched else ""
    return {"status": ServerStatus.SKIPPED, "reason": said, "remedy": f"{_again(server)}{stands}"}


def _again(server: ServerRecord) -> str:
    text = "To recover it after all, send RETRY for this execution when it has ended."
    return f"{text} {whereabouts(server)}".strip()
