"""What an execution left undone is taken up, unless it is another's, under way, undone or too old."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.drs import RecoveryInstance
from shared.model.status import Adoption, ServerStatus
from shared.rules.resumption.adoption import adoption
from tests.makers import instance, instance_id, job, record, server_id

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
STARTED = job("STARTED", created_at=(NOW - timedelta(minutes=5)).isoformat())
ENDED = job("COMPLETED", created_at=(NOW - timedelta(hours=1)).isoformat())
OLD = job("COMPLETED", created_at=(NOW - timedelta(hours=25)).isoformat())


def launched(**changes: Any) -> RecoveryInstance:
    values: dict[str, Any] = {
        "recovery_instance_id": instance_id(1),
        "ec2_instance_id": instance_id(1),
        "ec2_state": "STOPPED",
        "source_server_id": server_id(1),
        "job_id": ENDED.job_id,
        "is_drill": False,
    }
    return RecoveryInstance(**(values | changes))


def adopted(**changes: Any) -> Adoption | None:
    values: dict[str, Any] = {
        "job": ENDED,
        "recovery_instance": launched(),
        "pair_instance": instance(1),
        "earlier": record(1, status=ServerStatus.LAUNCHED),
        "earlier_over": True,
        "same_plan_and_mode": True,
        "now": NOW,
    }
    return adoption(**(values | changes))


RECOVERED = record(1, status=ServerStatus.RECOVERED)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"job": STARTED, "recovery_instance": None}, Adoption.JOB),
        ({}, Adoption.LAUNCH),
        ({"pair_instance": instance(1, state="running")}, Adoption.LAUNCH),
        ({"job": OLD}, None),
        ({"job": OLD, "pair_instance": instance(1, state="running")}, Adoption.LAUNCH),
        ({"earlier": RECOVERED, "pair_instance": instance(1, state="running")}, Adoption.LAUNCH),
        ({"earlier": RECOVERED}, None),
        ({"recovery_instance": None}, None),
        ({"recovery_instance": launched(job_id="drsjob-other")}, None),
        ({"recovery_instance": launched(ec2_instance_id=instance_id(2))}, None),
        ({"job": None}, None),
        ({"job": job("STARTED", type="TERMINATE")}, None),
        ({"earlier": None}, None),
        ({"earlier": record(1, cleaned_up_at="2026-01-01T11:30:00+00:00")}, None),
        ({"earlier": record(1, workload_restarted_at="2026-01-01T11:30:00+00:00")}, None),
    ],
)
def test_what_is_taken_up(changes: dict[str, Any], expected: Adoption | None) -> None:
    assert adopted(**changes) is expected


@given(
    job=st.sampled_from([None, STARTED, ENDED, OLD]),
    instances=st.sampled_from([None, launched()]),
    state=st.sampled_from(["stopped", "running"]),
    status=st.sampled_from(ServerStatus),
    over=st.booleans(),
    same=st.booleans(),
)
def test_nothing_of_a_running_execution_or_of_another_plan_or_mode_is_taken_up(
    job: Any, instances: Any, state: str, status: ServerStatus, over: bool, same: bool
) -> None:
    found = adopted(
        job=job,
        recovery_instance=instances,
        pair_instance=instance(1, state=state),
        earlier=record(1, status=status),
        earlier_over=over,
        same_plan_and_mode=same,
    )
    if not over or not same or job is None:
        assert found is None
    if found is Adoption.JOB:
        assert job is STARTED
