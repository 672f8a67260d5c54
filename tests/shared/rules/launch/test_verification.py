"""What EC2's word about a started instance means."""

from __future__ import annotations

from typing import Any

import pytest

from shared.model.ec2 import InstanceHealth
from shared.rules.launch.verification import SETTLING_SECONDS, judge
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
