"""A loop that waits as long as its machine may run leaves its history below the quota of Step Functions."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from local.simulation.cloud import PROJECT
from shared.rules.failback.copy_progress import SHORTEST_WAIT
from shared.rules.launch.polling import boot_wait, launch_wait, long_wait, since_start

QUOTA = 25_000
OTHERS = 1_000
"""More than all states outside of a loop leave, retries included."""
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
ROUND = 9
"""Events of a Task, a Choice and a Wait."""
CALLBACK = 13
"""The same with a task that waits for its token in place of the Wait, and times out."""

Waiting = Callable[[float], int]


def limit(machine: str) -> int:
    definition = json.loads((PROJECT / "statemachines" / f"{machine}.asl.json").read_text("utf-8"))
    return int(definition["TimeoutSeconds"])


def rounds(wait: Waiting, until: float) -> int:
    """How often is polled within that time."""
    age, count = 0.0, 0
    while age < until:
        age += wait(age)
        count += 1
    return count


def long(seconds: int) -> Waiting:
    return lambda age: long_wait(seconds, [BEGIN.isoformat()], BEGIN + timedelta(seconds=age))


@pytest.mark.parametrize(
    ("machine", "wait", "events"),
    [
        ("replicate-back", long(SHORTEST_WAIT), ROUND),
        ("quiesce", long(60), ROUND),
        ("reprotect", long(SHORTEST_WAIT), ROUND),
        ("recovery-wave", lambda age: boot_wait(age, 1), ROUND),
        ("recovery-wave", launch_wait, CALLBACK),
    ],
)
def test_a_loop_stays_below_the_quota(machine: str, wait: Waiting, events: int) -> None:
    assert rounds(wait, limit(machine)) * events < QUOTA - OTHERS


def test_a_failover_that_waits_for_a_clean_up_stays_below_the_quota() -> None:
    failover = json.loads((PROJECT / "statemachines" / "failover.asl.json").read_text("utf-8"))
    seconds = failover["States"]["WaitForDrills"]["Seconds"]
    assert limit("drill-cleanup") / seconds * ROUND < QUOTA - OTHERS


def test_a_poll_is_late_by_a_fiftieth_at_most() -> None:
    """After an hour, a poll is not minutes late."""
    assert long(15)(0) == 15
    assert long(15)(3600) == 72
    assert long(300)(3600) == 300
    assert long_wait(30, [None], BEGIN) == long_wait(30, [], BEGIN) == 30


def test_what_an_earlier_execution_asked_for_was_not_waited_for_in_this_one() -> None:
    start, later, earlier = "2026-03-01T10:00:00Z", "2026-03-01T10:05:00Z", "2026-02-01T10:00:00Z"
    assert since_start([earlier, later, None], start) == [later]
    assert since_start([earlier], start) == [start]
