"""When a failback goes on to its cutover: what replication must show, and which action follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from shared.model.execution import ExecutionRecord
from shared.model.policies import FailbackPolicies, OnReplicationTimeout
from shared.model.server import ServerRecord
from shared.model.status import ServerStatus
from shared.rules.control.pauses import cutover_pause
from shared.rules.failback.replication_progress import PAST_REPLICATION, Action, ReplicationVerdict
from shared.times import parse_time

DRAIN = timedelta(minutes=15)
"""How long the last writes of a quiesced workload may take to the origin."""
BEFORE_CUTOVER = frozenset(PAST_REPLICATION) - {ServerStatus.RECOVERED}


def drained(policies: FailbackPolicies, servers: Sequence[ServerRecord]) -> FailbackPolicies:
    """The policies after quiescing: no lag, and a deadline from the moment that the last workload stopped."""
    quiesced = [parse_time(server.failback.quiesced_at) for server in servers if server.failback.quiesced_at]
    begun = [parse_time(s.failback.reverse_requested_at) for s in servers if s.failback.reverse_requested_at]
    if not quiesced or not begun:
        return replace(policies, max_lag_seconds=0)
    deadline = max(quiesced) + DRAIN - min(begun)
    return replace(
        policies,
        max_lag_seconds=0,
        replication_deadline_seconds=int(deadline.total_seconds()),
        on_replication_timeout=OnReplicationTimeout.STOP,
    )


def cutover_action(verdict: ReplicationVerdict, record: ExecutionRecord, policies: FailbackPolicies) -> str:
    """WAIT, GO, STOP or CANCEL."""
    if record.cancellation is not None:
        return "CANCEL"
    # Without a server to go on with, the execution comes to its end by itself.
    none_left = verdict.action is Action.STOP and not verdict.too_late
    action = Action.GO if none_left else verdict.action
    if action is Action.GO and cutover_pause(record, policies):
        action = Action.WAIT
    return action.value
