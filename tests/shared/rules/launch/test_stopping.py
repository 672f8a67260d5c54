"""What becomes of a server whose instance has to stop before it is launched into."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.model.ec2 import Instance
from shared.model.policies import FailbackPolicies, Mode, Policies, WhenTargetRuns
from shared.model.status import ServerStatus
from shared.rules.launch.stopping import awaiting_stop, may_stop
from tests import makers

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
EARLIER = "2026-01-01T11:00:00Z"
JUST_NOW = (NOW - timedelta(minutes=1)).isoformat()


@pytest.mark.parametrize(
    ("instance", "since", "allowed", "status", "awaited", "text"),
    [
        (makers.instance(), None, False, ServerStatus.CONFIGURED, None, ""),
        (makers.instance(state="running"), None, True, ServerStatus.CONFIGURED, "2026-01-01T12:00:00Z", ""),
        (
            makers.instance(state="running"),
            None,
            False,
            ServerStatus.FAILED,
            None,
            "started after the checks",
        ),
        (
            makers.instance(state="pending"),
            None,
            False,
            ServerStatus.FAILED,
            None,
            "started after the checks",
        ),
        (makers.instance(state="stopping"), JUST_NOW, False, ServerStatus.CONFIGURED, JUST_NOW, ""),
        (
            makers.instance(state="stopping"),
            EARLIER,
            True,
            ServerStatus.FAILED,
            EARLIER,
            "did not stop within",
        ),
        (makers.instance(tags={}), None, True, ServerStatus.FAILED, None, "lost its AWSDRS tag"),
        (None, None, True, ServerStatus.FAILED, None, "no longer exists"),
    ],
)
def test_an_instance_is_stopped_awaited_or_its_server_fails(
    instance: Instance | None,
    since: str | None,
    allowed: bool,
    status: ServerStatus,
    awaited: str | None,
    text: str,
) -> None:
    server = makers.record(1, status=ServerStatus.CONFIGURED, stop_awaited_since=since)
    after = awaiting_stop(server, instance, Mode.FAILOVER, may_stop=allowed, now=NOW)
    assert (after.status, after.stop_awaited_since) == (status, awaited)
    assert text in (after.reason or "")


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("target", list(WhenTargetRuns))
@pytest.mark.parametrize("original", list(WhenTargetRuns))
def test_each_side_has_its_own_policy(mode: Mode, target: WhenTargetRuns, original: WhenTargetRuns) -> None:
    policies = Policies(when_target_runs=target, failback=FailbackPolicies(when_original_runs=original))
    expected = original if mode is Mode.FAILBACK else target
    server = makers.record(1)
    assert may_stop(policies, mode, server, makers.instance()) is (expected is WhenTargetRuns.STOP)


@pytest.mark.parametrize(
    ("started", "moved", "allowed"),
    [
        ("2026-01-01T08:00:00Z", "2026-01-01T09:00:00Z", True),
        ("2026-01-01T09:00:00Z", "2026-01-01T09:00:00Z", False),  # as late as our launch
        ("2026-01-01T10:00:00Z", "2026-01-01T09:00:00Z", False),
        ("2026-01-01T08:00:00Z", None, False),  # no record of ours moved the workload
        (None, "2026-01-01T09:00:00Z", False),
    ],
)
def test_a_plan_that_is_silent_stops_an_original_only_if_it_ran_before_our_launch(
    started: str | None, moved: str | None, allowed: bool
) -> None:
    server = makers.record(1, moved_off_original_at=moved)
    original = makers.instance(state="running", launched_at=started)
    assert may_stop(Policies(), Mode.FAILBACK, server, original) is allowed
    assert may_stop(Policies(), Mode.FAILOVER, server, original) is False
