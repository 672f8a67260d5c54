"""What EC2's word about a started instance means."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.model.ec2 import InstanceHealth
from shared.model.server import ServerRecord
from shared.model.status import ServerStatus
from shared.rules.launch.verification import SETTLING_SECONDS, given_up, judge, verified
from shared.times import iso
from tests.makers import record

INSTANCE = "i-00000000000000001"
GOOD: dict[str, Any] = {
    "instance_id": INSTANCE,
    "state": "running",
    "private_ip": "10.0.0.1",
    "status_ok": True,
    "status": "ok",
    "state_reason": None,
}


@pytest.mark.parametrize(
    ("changes", "seconds", "passed", "hopeless", "found"),
    [
        ({}, 0, True, False, "passes its status checks"),
        ({"state": "terminated"}, 0, False, True, "does not run (terminated)"),
        ({"state": "shutting-down"}, 0, False, True, "does not run (shutting-down)"),
        ({"state": "stopped"}, SETTLING_SECONDS, False, False, "is stopped"),
        ({"state": "stopped"}, SETTLING_SECONDS + 1, False, True, "EC2 gives no reason"),
        ({"state": "stopped", "state_reason": "no capacity"}, 61, False, True, "it is stopped (no capacity)"),
        ({"state": "stopping"}, 61, False, True, "did not start"),
        ({"state": "pending", "status_ok": False}, 600, False, False, "is pending"),
        ({"status_ok": False, "status": "ok/initializing"}, 600, False, False, "ok/initializing"),
        ({"private_ip": "10.0.0.2"}, 0, False, True, "has the address 10.0.0.2, not 10.0.0.1"),
        ({"private_ip": None}, 0, False, True, "has the address None"),
    ],
)
def test_a_started_instance_is_judged(
    changes: dict[str, Any], seconds: float, passed: bool, hopeless: bool, found: str
) -> None:
    server = record(pair_instance_id=INSTANCE, private_ip_before="10.0.0.1")
    verdict = judge(server, InstanceHealth(**(GOOD | changes)), seconds)
    assert (verdict.passed, verdict.hopeless) == (passed, hopeless)
    assert found in verdict.found
    assert verdict.remedy


def test_an_instance_that_is_not_found_is_missing() -> None:
    verdict = judge(record(pair_instance_id=INSTANCE), None, 0)
    assert verdict.hopeless
    assert "not found" in verdict.found
    assert "Do not terminate anything" in verdict.remedy


def test_without_an_address_before_any_will_do() -> None:
    assert judge(record(pair_instance_id=INSTANCE), InstanceHealth(**GOOD), 0).passed


NO_CAPACITY = GOOD | {"state": "stopped", "state_reason": "Server.InsufficientInstanceCapacity: none left"}
HALF_AN_HOUR = timedelta(minutes=30)
BEGIN = datetime(2030, 1, 1, tzinfo=UTC)


def put_back(server: ServerRecord, at: datetime) -> ServerRecord:
    """As EC2 has stopped it a minute later."""
    health = InstanceHealth(**NO_CAPACITY)
    return verified(server, judge(server, health, 90), health, at + timedelta(seconds=90), HALF_AN_HOUR)


def test_what_ec2_puts_back_for_want_of_capacity_is_started_again_until_the_time_is_over() -> None:
    server = record(status=ServerStatus.STARTING, pair_instance_id=INSTANCE, start_requested_at=iso(BEGIN))
    waits = put_back(server, BEGIN)
    assert waits.awaits_capacity
    assert given_up(waits, BEGIN + HALF_AN_HOUR, HALF_AN_HOUR) == waits
    late = BEGIN + HALF_AN_HOUR + timedelta(seconds=100)
    assert given_up(waits, late, HALF_AN_HOUR).status is ServerStatus.FAILED
    again = put_back(replace(waits, start_requested_at=iso(BEGIN)), BEGIN + HALF_AN_HOUR / 2)
    assert again.start_refused_at == waits.start_refused_at
    last = put_back(replace(again, start_requested_at=iso(late)), late)
    assert last.status is ServerStatus.FAILED
    assert "Not started within 30 min" in (last.reason or "")
