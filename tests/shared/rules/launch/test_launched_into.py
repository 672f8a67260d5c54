"""A launch is confirmed by the recovery instance that DRS shows, never by the job alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.model.drs import RecoveryInstance
from shared.model.ec2 import Instance
from shared.model.status import Adoption, ServerStatus
from shared.rules.launch.launched_into import STARTED_BY_DRS, launched_into_pair
from shared.rules.launch.verification import Verdict, verified
from tests import makers
from tests.shared.rules.launch.test_stopping import EARLIER, JUST_NOW, NOW

PAIR = makers.instance_id(1)
STOPPED, RUNNING = makers.instance(state="stopped"), makers.instance(state="running")


def recovery(instance_id: str = PAIR) -> RecoveryInstance:
    return RecoveryInstance(
        recovery_instance_id="ri-1",
        source_server_id=makers.server_id(1),
        ec2_instance_id=instance_id,
        ec2_state="STOPPED",
        job_id=None,
        is_drill=False,
    )


@pytest.mark.parametrize(
    ("found", "instance", "values", "status", "started"),
    [
        (recovery(), STOPPED, {}, ServerStatus.LAUNCHED, False),
        (recovery(), None, {}, ServerStatus.LAUNCHED, False),
        (recovery(), RUNNING, {}, ServerStatus.LAUNCHED, True),
        (recovery(), RUNNING, {"adoption": Adoption.LAUNCH}, ServerStatus.LAUNCHED, False),
        (recovery("i-other"), STOPPED, {}, ServerStatus.FAILED, False),
        (None, STOPPED, {}, ServerStatus.FAILED, False),
    ],
)
def test_only_the_pair_counts(
    found: RecoveryInstance | None,
    instance: Instance | None,
    values: dict[str, Any],
    status: ServerStatus,
    started: bool,
) -> None:
    server = makers.record(1, status=ServerStatus.LAUNCHED, pair_instance_id=PAIR, **values)
    after = launched_into_pair(server, found, instance, ())
    assert (after.status, after.started_by_drs) == (status, started)
    assert [finding.code for finding in after.findings] == [STARTED_BY_DRS] * started
    assert after.recovery_instance_id == (found.recovery_instance_id if found else None)
    assert launched_into_pair(after, found, instance, ()).findings == after.findings


@pytest.mark.parametrize(
    ("verdict", "since", "status", "reason"),
    [
        (Verdict(True, "fine"), JUST_NOW, ServerStatus.RECOVERED, None),
        (Verdict(False, "pending"), JUST_NOW, ServerStatus.STARTING, None),
        (Verdict(False, "pending"), EARLIER, ServerStatus.FAILED, "Not verified in time: pending"),
        (Verdict(False, "broken", hopeless=True), JUST_NOW, ServerStatus.FAILED, "broken"),
    ],
)
def test_a_started_server_recovers_waits_or_fails(
    verdict: Verdict, since: str, status: ServerStatus, reason: str | None
) -> None:
    server = makers.record(1, status=ServerStatus.STARTING, start_requested_at=since)
    after = verified(server, verdict, None, NOW, timedelta(minutes=15))
    assert (after.status, after.reason) == (status, reason)
    assert (after.verified_at is None) is (status is not ServerStatus.RECOVERED)
