"""CloseAbortedExecution: executions that ended from outside are closed by the event about it."""

from __future__ import annotations

import pytest

from functions.configuration import (
    close_aborted_execution,
)
from shared.model.status import ExecutionStatus, Protection, ServerStatus
from shared.store import plan_lock
from tests.handlers.closure import FAILURE, close
from tests.handlers.estate import Estate
from tests.handlers.failback import Failback

STOPPED = {
    "name": "execution-1",
    "executionArn": "arn:aws:states:us-east-1:999988887777:execution:drs-orchestrator-failover:execution-1",
    "startDate": 1767225600000,
}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("ABORTED", ExecutionStatus.CANCELLED),
        ("TIMED_OUT", ExecutionStatus.FAILED),
        ("FAILED", ExecutionStatus.FAILED),
    ],
)
def test_an_execution_that_was_stopped_is_closed_by_the_event_about_it(
    estate: Estate, status: str, expected: ExecutionStatus
) -> None:
    pairs = estate.add_pairs("web-1")
    before = estate.launch_configuration(pairs["web-1"][0])["launchDisposition"]
    estate.reach("CONFIGURED")
    detail = {**STOPPED, "status": status, "stopDate": 1767229200000}
    answer = close_aborted_execution.handler({"detail": detail, "time": "2026-01-01T01:00:00Z"}, None)
    assert answer["status"] == expected
    record = estate.store.execution("execution-1")
    assert record.ended_at == "2026-01-01T01:00:00Z"
    assert "It was stopped from outside." in (record.reason or "")
    assert estate.launch_configuration(pairs["web-1"][0])["launchDisposition"] == before
    assert estate.locks.holders([plan_lock("erp")]) == {}


def test_an_execution_that_closed_itself_is_left_alone_by_the_event_about_it(estate: Estate) -> None:
    detail = {**STOPPED, "status": "FAILED"}
    event = {"detail": detail, "time": "2026-01-01T02:00:00Z"}
    close(estate, failure={"Error": "RequestInvalidError", "Cause": "bad"})
    refused_report = estate.report("unknown")
    assert close_aborted_execution.handler(event, None) == {"status": "CLOSED"}
    assert estate.report("unknown") == refused_report
    estate.open()
    close(estate, failure=FAILURE)
    sent = len(estate.messages())
    assert close_aborted_execution.handler(event, None) == {"status": "CLOSED"}
    assert len(estate.messages()) == sent


def test_a_stop_without_a_date_counts_from_its_event(estate: Estate) -> None:
    estate.open()
    detail = {**STOPPED, "status": "ABORTED", "cause": "by me"}
    close_aborted_execution.handler({"detail": detail, "time": "2026-01-01T02:00:00Z"}, None)
    record = estate.store.execution("execution-1")
    assert (record.ended_at, record.reason) == ("2026-01-01T02:00:00Z", "ExecutionAborted: by me")


@pytest.mark.parametrize("protection", [None, Protection.RETURNING, Protection.RESCANNING])
def test_a_server_whose_protection_never_ended_is_unprotected_with_a_remedy(
    estate: Estate, protection: Protection | None
) -> None:
    way = Failback(estate, "web-1")
    way.record(ServerStatus.RECOVERED, protection=protection, verified_at=estate.now)
    detail = {
        "name": "execution-1",
        "status": "ABORTED",
        "startDate": 1767225600000,
        "stopDate": int(estate.clock.now().timestamp() * 1000),
        "executionArn": estate.arn(),
        "stateMachineArn": "arn:aws:states:us-east-1:123456789012:stateMachine:drs-failback",
    }
    for _ in range(2):
        close_aborted_execution.handler({"detail": detail, "time": estate.now}, None)
    server = estate.servers()["web-1"]
    assert server.failback.protection is Protection.UNPROTECTED
    assert way.ids["web-1"].original in (server.failback.protection_reason or "")
    assert "Run the failback again" in (server.failback.protection_remedy or "")
    pair = estate.pairs.get([server.source_server_id])[server.source_server_id]
    assert pair.workload_side == "ORIGIN", "the wave was killed before it could remember that"
