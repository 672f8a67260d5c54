"""One side of a server runs at a time: how its workload stops, and how it restarts where it was."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.model.ec2 import Instance
from shared.model.server import ServerRecord
from shared.model.status import ServerStatus
from shared.rules.failback.workload_restart import (
    NOT_RESTARTED,
    RESTARTED,
    has_restarted,
    hopeless,
    is_to_restart,
    not_restarted,
    restarted,
)
from shared.rules.failback.workload_stop import workload_stopping
from shared.rules.failback.workloads import other_side_runs
from tests import makers

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
AT = "2026-01-01T12:00:00Z"
EARLIER = "2026-01-01T11:00:00Z"
RUNNING, STOPPED = makers.instance(state="running"), makers.instance(state="stopped")


def server(**values: Any) -> ServerRecord:
    return makers.record(1, **({"status": ServerStatus.CONFIGURED, "workload_instance_id": "i-w"} | values))


@pytest.mark.parametrize(
    ("values", "instance", "requested", "stopped"),
    [
        ({}, RUNNING, AT, None),
        ({}, STOPPED, AT, AT),
        ({}, None, AT, AT),
        ({"workload_stop_requested_at": AT}, RUNNING, AT, None),
        ({"workload_stop_requested_at": EARLIER}, STOPPED, EARLIER, AT),
        ({"workload_stop_requested_at": EARLIER, "workload_stopped_at": EARLIER}, STOPPED, EARLIER, EARLIER),
        ({"workload_stop_requested_at": EARLIER, "workload_stopped_at": EARLIER}, RUNNING, AT, None),
    ],
)
def test_a_workload_is_asked_to_stop_and_seen_stopped(
    values: dict[str, Any], instance: Instance | None, requested: str, stopped: str | None
) -> None:
    after = workload_stopping(server(**values), instance, NOW)
    assert after.status is ServerStatus.CONFIGURED
    assert (after.failback.workload_stop_requested_at, after.failback.workload_stopped_at) == (
        requested,
        stopped,
    )


def test_a_workload_that_does_not_stop_in_time_fails_its_server() -> None:
    after = workload_stopping(server(workload_stop_requested_at=EARLIER), RUNNING, NOW)
    assert after.status is ServerStatus.FAILED
    assert "--force" in (after.remedy or "")


@pytest.mark.parametrize(("instance", "blocks"), [(RUNNING, True), (STOPPED, False), (None, False)])
def test_an_original_stays_stopped_while_its_workload_runs(instance: Instance | None, blocks: bool) -> None:
    after = other_side_runs(server(), instance)
    assert (after is not None and after.status is ServerStatus.FAILED) is blocks


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"workload_stop_requested_at": EARLIER}, True),
        ({}, False),
        ({"workload_stop_requested_at": EARLIER, "workload_restarted_at": EARLIER}, False),
        ({"workload_stop_requested_at": EARLIER, "status": ServerStatus.RECOVERED}, False),
    ],
)
def test_a_stopped_workload_restarts_unless_its_server_failed_back(
    values: dict[str, Any], expected: bool
) -> None:
    assert is_to_restart(server(**values)) is expected


@pytest.mark.parametrize(
    ("workload", "original", "expected"),
    [(RUNNING, STOPPED, True), (RUNNING, None, True), (RUNNING, RUNNING, False), (STOPPED, STOPPED, False)],
)
def test_a_workload_has_restarted_when_only_its_side_runs(
    workload: Instance, original: Instance | None, expected: bool
) -> None:
    assert has_restarted(workload, original) is expected


@pytest.mark.parametrize(
    ("since", "workload", "original", "text"),
    [
        (AT, None, STOPPED, "no longer exists"),
        (AT, makers.instance(state="terminated"), STOPPED, "no longer exists"),
        (AT, STOPPED, STOPPED, None),
        (None, STOPPED, STOPPED, None),
        (EARLIER, STOPPED, RUNNING, "must be stopped first. no capacity"),
        (EARLIER, STOPPED, STOPPED, "is stopped. no capacity"),
    ],
)
def test_a_restart_is_given_up_after_its_timeout(
    since: str | None, workload: Instance | None, original: Instance, text: str | None
) -> None:
    why = hopeless(server(workload_return_requested_at=since), workload, original, "no capacity", NOW)
    assert (why is None) is (text is None)
    assert (text or "") in (why or "")


def test_a_restart_replaces_the_finding_that_it_failed() -> None:
    failed = not_restarted(server(), makers.instance(state="stopping"), "it hangs")
    assert "--force" in (failed.remedy or "")
    assert [finding.code for finding in failed.findings] == [NOT_RESTARTED]
    back = restarted(failed, NOW)
    assert [finding.code for finding in back.findings] == [RESTARTED]
    assert back.failback.workload_restarted_at == AT
