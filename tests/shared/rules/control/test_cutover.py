"""Which action follows from the replication, the pauses and the cancellation of a failback."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.model.execution import Cancellation, Pause
from shared.model.policies import FailbackPolicies, OnReplicationTimeout
from shared.model.status import PausePoint
from shared.rules.control.cutover import cutover_action, drained
from shared.rules.failback.replication_progress import Action, ReplicationVerdict
from tests import makers

PAUSE = Pause("0001", PausePoint.NOW, "ann", "wait", "2026-01-01T11:00:00Z")


def verdict(action: Action, *too_late: str) -> ReplicationVerdict:
    return ReplicationVerdict(action, [], [], 0, 0, 0, 0, None, 15, too_late=too_late)


@pytest.mark.parametrize(
    ("action", "too_late", "values", "expected"),
    [
        (Action.GO, (), {}, "GO"),
        (Action.WAIT, (), {}, "WAIT"),
        (Action.STOP, ("s-1",), {}, "STOP"),
        (Action.STOP, (), {}, "GO"),
        (Action.GO, (), {"pauses": (PAUSE,)}, "WAIT"),
        (Action.STOP, ("s-1",), {"pauses": (PAUSE,)}, "STOP"),
        (Action.GO, (), {"cancellation": Cancellation("ann", "enough", "x")}, "CANCEL"),
    ],
)
def test_the_cutover_waits_for_replication_and_operators(
    action: Action, too_late: tuple[str, ...], values: dict[str, Any], expected: str
) -> None:
    record = makers.execution(**values)
    assert cutover_action(verdict(action, *too_late), record, FailbackPolicies()) == expected


def test_after_quiescing_no_lag_is_left_and_the_deadline_counts_from_the_last() -> None:
    begun, quiesced = "2026-01-01T10:00:00Z", "2026-01-01T12:00:00Z"
    servers = [
        makers.record(1, reverse_requested_at=begun, quiesced_at="2026-01-01T11:00:00Z"),
        makers.record(2, reverse_requested_at="2026-01-01T10:30:00Z", quiesced_at=quiesced),
    ]
    policies = FailbackPolicies()
    assert drained(policies, servers) == replace(
        policies,
        max_lag_seconds=0,
        replication_deadline_seconds=2 * 3600 + 15 * 60,
        on_replication_timeout=OnReplicationTimeout.STOP,
    )
    assert drained(policies, [makers.record(1)]) == replace(policies, max_lag_seconds=0)
