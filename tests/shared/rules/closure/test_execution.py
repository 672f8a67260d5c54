"""What the end of an execution makes of open servers and waves, and of its own record."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.model.execution import Cancellation
from shared.model.policies import Mode
from shared.model.status import ExecutionStatus, Protection, ServerStatus, WaveStatus
from shared.rules.closure.execution import (
    Closure,
    closed,
    outcome_at_end,
    protection_at_end,
    wave_at_end,
    with_cancellation,
)
from shared.rules.closure.failures import failure_text
from shared.rules.closure.launch_settings import is_to_be_restored, not_restored
from shared.rules.closure.preparation import preparation_end
from tests import makers

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
CAUSE = '{"errorMessage": "it broke"}'


def closure(**values: Any) -> Closure:
    return Closure("execution-1", "2026-01-01T10:00:00Z", NOW, **values)


@pytest.mark.parametrize(
    ("end", "why"),
    [
        ({"error": "Boom", "cause": "it broke"}, "The execution ended: Boom: it broke"),
        ({"error": "Boom"}, "no cause given"),
        ({"decision": "BLOCKED"}, "Other servers are blocked"),
        ({}, "before this server's turn"),
    ],
)
def test_a_server_that_was_not_reached_says_why(end: dict[str, str], why: str) -> None:
    server = outcome_at_end(makers.record(1), closure(**end))
    assert server.status is ServerStatus.SKIPPED
    assert why in (server.reason or "")


def test_a_server_in_a_job_failed_and_names_it() -> None:
    server = makers.record(1, status=ServerStatus.LAUNCHING, job_id="drsjob-1")
    after = outcome_at_end(server, closure(error="ExecutionAborted"))
    assert after.status is ServerStatus.FAILED
    assert "drsjob-1" in (after.remedy or "")


@pytest.mark.parametrize(
    ("end", "servers", "status"),
    [
        ({}, ["RECOVERED"], ExecutionStatus.COMPLETED),
        ({"error": "Boom"}, ["RECOVERED"], ExecutionStatus.FAILED),
        ({"error": "ApprovalRejected"}, ["SKIPPED"], ExecutionStatus.CANCELLED),
        ({"decision": "BLOCKED"}, ["BLOCKED"], ExecutionStatus.BLOCKED),
        ({"decision": "NOTHING_TO_DO"}, ["BLOCKED"], ExecutionStatus.BLOCKED),
        ({"decision": "NOTHING_TO_DO"}, [], ExecutionStatus.BLOCKED),
    ],
)
def test_an_execution_ends_as_its_closure_and_servers_say(
    end: dict[str, str], servers: list[str], status: ExecutionStatus
) -> None:
    record = makers.execution(status=ExecutionStatus.RUNNING, ended_at=None)
    records = [makers.record(n, status=ServerStatus(one)) for n, one in enumerate(servers)]
    after = closed(record, closure(**end), [], records)
    assert (after.status, after.ended_at) == (status, "2026-01-01T12:00:00Z")
    assert (after.remedy is None) is (status is ExecutionStatus.COMPLETED)


@pytest.mark.parametrize(
    ("error", "ends_as"),
    [(None, "ExecutionCancelled"), ("ApprovalRejected", "ExecutionCancelled"), ("Boom", "Boom")],
)
def test_a_cancelled_execution_ends_as_cancelled_unless_it_failed(error: str | None, ends_as: str) -> None:
    record = makers.execution(cancellation=Cancellation("ann", "enough", "2026-01-01T11:00:00Z"))
    assert with_cancellation(closure(error=error), record).error == ends_as
    assert with_cancellation(closure(error=error), makers.execution()).error == error


@pytest.mark.parametrize(
    ("mode", "before", "servers", "end", "status"),
    [
        (Mode.FAILOVER, WaveStatus.PLANNED, [], {}, WaveStatus.SKIPPED),
        (Mode.FAILOVER, WaveStatus.RUNNING, [], {}, WaveStatus.FAILED),
        (Mode.FAILBACK, WaveStatus.PLANNED, ["RECOVERED"], {"error": "Boom"}, WaveStatus.COMPLETED),
        (Mode.FAILBACK, WaveStatus.PLANNED, [], {"error": "Boom"}, WaveStatus.SKIPPED),
        (Mode.FAILBACK, WaveStatus.PLANNED, [], {}, WaveStatus.COMPLETED),
        (Mode.FAILBACK, WaveStatus.RUNNING, ["FAILED"], {}, WaveStatus.FAILED),
    ],
)
def test_an_open_wave_ends_with_the_execution(
    mode: Mode, before: WaveStatus, servers: list[str], end: dict[str, str], status: WaveStatus
) -> None:
    records = [makers.record(n, wave="data", status=ServerStatus(one)) for n, one in enumerate(servers)]
    values = wave_at_end(makers.wave("data", status=before), records, closure(**end), mode)
    assert values["status"] is status


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, Protection.UNPROTECTED),
        (Protection.RESCANNING, Protection.UNPROTECTED),
        (Protection.PROTECTED, Protection.PROTECTED),
        (Protection.RETIRED, Protection.RETIRED),
        (Protection.UNPROTECTED, Protection.UNPROTECTED),
    ],
)
def test_a_failed_back_server_ends_protected_or_says_that_it_is_not(
    before: Protection | None, after: Protection
) -> None:
    server = makers.record(1, status=ServerStatus.RECOVERED, protection=before)
    ended = protection_at_end(server, closure())
    assert ended.failback.protection is after
    final = before in (Protection.RETIRED, Protection.UNPROTECTED)
    assert (ended == server) is final
    assert (ended.failback.protection_remedy is None) is final


@pytest.mark.parametrize(
    ("mode", "values", "expected"),
    [
        (Mode.FAILOVER, {}, True),
        (Mode.FAILOVER, {"launched_at": "2026-01-01T11:00:00Z"}, False),
        (Mode.FAILOVER, {"launched_at": "x", "cleaned_up_at": "y"}, True),
        (Mode.DRILL, {"launched_at": "2026-01-01T11:00:00Z"}, True),
        (Mode.DRILL, {"launch_changed": False}, False),
        (Mode.DRILL, {"previous_launch": None}, False),
    ],
)
def test_launch_settings_are_restored_where_no_launch_needs_ours(
    mode: Mode, values: dict[str, Any], expected: bool
) -> None:
    changed = {"launch_changed": True, "previous_launch": makers.launch_settings()}
    server = makers.record(1, **(changed | values))
    assert is_to_be_restored(server, mode) is expected
    found = not_restored([server], mode)
    assert [finding.code for finding in found] == ["LAUNCH_SETTINGS_NOT_RESTORED"] * expected
    assert all("aws drs update-launch-configuration" in finding.remedy for finding in found)


@pytest.mark.parametrize(
    ("failure", "blocked", "status", "reason"),
    [
        ({}, 0, ExecutionStatus.COMPLETED, None),
        ({}, 2, ExecutionStatus.COMPLETED_WITH_FAILURES, "2 servers are blocked."),
        (
            {"Error": "Boom", "Cause": '{"errorMessage": "it broke"}'},
            2,
            ExecutionStatus.FAILED,
            "Boom: it broke",
        ),
        ({"Error": "Boom"}, 0, ExecutionStatus.FAILED, "Boom: no cause given"),
    ],
)
def test_a_preparation_ends_as_its_servers_did(
    failure: dict[str, str], blocked: int, status: ExecutionStatus, reason: str | None
) -> None:
    record = makers.execution(status=ExecutionStatus.RUNNING, ended_at=None)
    after = preparation_end(record, failure, blocked, NOW)
    assert (after.status, after.reason, after.ended_at) == (status, reason, "2026-01-01T12:00:00Z")
    assert failure_text(failure) == (reason if failure else None)
