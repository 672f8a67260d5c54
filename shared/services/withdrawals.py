"""Gives the servers that operators took out of an execution their outcome, before their next step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shared.model.execution import ExecutionRecord, WaveRecord
from shared.model.server import Change, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.control.pauses import withdrawal
from shared.rules.failback.workloads import whereabouts
from shared.store import ExecutionStore

UNTOUCHABLE = (ServerStatus.LAUNCHING, ServerStatus.STARTING)
"""A job, or a start, that runs ends first."""
WITHDRAWABLE = tuple(s for s in ServerStatus if not s.is_final and s not in UNTOUCHABLE)
"""What an operator may still take out of an execution."""


def withdraw_skipped(store: ExecutionStore, record: ExecutionRecord, wave: WaveRecord) -> None:
    """Settle the servers of the wave that operators skipped and that are in no job."""
    withdraw(store, record, wave, store.servers(record.execution_id, wave.name))


def withdraw(
    store: ExecutionStore, record: ExecutionRecord, wave: WaveRecord, servers: Sequence[ServerRecord]
) -> list[ServerRecord]:
    """Give those of ``servers`` that are taken out their outcome; returns those that take part.

    Called right before a launch or a start, by the task that makes it: no server is launched that has its
    outcome.
    """
    left, changes = [], []
    for server in servers:
        why = withdrawal(record, wave, server)
        if why is None or server.status not in WITHDRAWABLE:
            left.append(server)
        else:
            changes.append(Change(server, outcome_of(server, why)))
    store.change_servers(record.execution_id, changes)
    return left


def outcome_of(server: ServerRecord, why: str) -> ServerRecord:
    """SKIPPED; FAILED where a launch was tried and did not succeed."""
    if server.status is ServerStatus.LAUNCH_FAILED:
        reason = f"{server.reason or 'Its launch failed.'} It was not launched again: {why}"
        return server.failed(reason, server.remedy or _again(server))
    launched = server.status is ServerStatus.LAUNCHED
    stands = f" {server.pair_instance_id} has the recovered volumes and was not started." if launched else ""
    return replace(server, status=ServerStatus.SKIPPED, reason=why, remedy=f"{_again(server)}{stands}")


def _again(server: ServerRecord) -> str:
    text = "To recover it after all, send RETRY for this execution when it has ended."
    return f"{text} {whereabouts(server)}".strip()
