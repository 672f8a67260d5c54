"""CloseExecution: the outcome, the report, the message; no server is left without a result."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.configuration import (
    close_wave,
)
from shared.model.status import Protection, ServerStatus, WaveStatus
from shared.rules.closure.failures import message_of
from shared.store import plan_lock, server_lock
from tests import makers
from tests.handlers.closure import FAILURE, close, move
from tests.handlers.estate import Estate
from tests.handlers.failback import Failback
from tests.handlers.reprotection import retire
from tests.handlers.wire import Call, Wire


def test_a_completed_execution_is_reported_and_releases_its_locks(estate: Estate) -> None:
    pairs = estate.add_pairs("db-1", "web-1")
    estate.reach("RESERVED")
    move(estate, ServerStatus.RECOVERED, "db-1", "web-1")
    for wave in ("data", "web"):
        estate.call(close_wave, wave=wave)
    for _ in range(2):  # closing twice changes nothing
        answer = close(estate, decision="PROCEED")
        assert (answer["status"], answer["totals"]["recovered"]) == ("COMPLETED", 2)
    assert estate.report()["status"] == "COMPLETED"
    locks = [plan_lock("erp"), *(server_lock(server) for server, _ in pairs.values())]
    assert estate.locks.holders(locks) == {}
    assert estate.messages()[-1][0] == "erp: failover completed"
    assert close(estate, failure=FAILURE)["status"] == "COMPLETED", "the outcome is final"


@pytest.mark.parametrize(
    ("fields", "status", "reason"),
    [
        ({"decision": "BLOCKED"}, "BLOCKED", "Servers are blocked"),
        ({"decision": "NOTHING_TO_DO"}, "BLOCKED", "Every server that the plan selects"),
        ({"failure": FAILURE}, "FAILED", "AccessDeniedError: no rights"),
        ({"failure": {"Error": "ApprovalRejected"}}, "CANCELLED", "ApprovalRejected: no cause given"),
        ({"failure": {"Error": "ApprovalExpired", "Cause": "late"}}, "CANCELLED", "ApprovalExpired: late"),
        ({"decision": "PROCEED"}, "FAILED", ""),
    ],
)
def test_whatever_ends_an_execution_nothing_is_left_open(
    estate: Estate, fields: dict[str, Any], status: str, reason: str
) -> None:
    estate.add_pairs("db-1", "web-1")
    estate.reach("RESERVED")
    move(estate, ServerStatus.LAUNCHING, "web-1", job_id="drsjob-1")
    estate.store.change_wave("execution-1", "data", {"status": WaveStatus.RUNNING})
    answer = close(estate, **fields)
    assert answer["status"] == status
    assert reason in answer["reason"]
    servers = estate.servers()
    assert servers["db-1"].status is ServerStatus.SKIPPED
    assert servers["web-1"].status is ServerStatus.FAILED
    assert "drsjob-1" in (servers["web-1"].remedy or "")
    assert [estate.wave(name).status for name in ("data", "web")] == [WaveStatus.FAILED, WaveStatus.SKIPPED]
    assert all(server["reason"] and server["remedy"] for server in estate.report()["servers"])


def test_servers_that_are_found_while_an_execution_ends_get_an_outcome(estate: Estate, wire: Wire) -> None:
    """Found by scenario role-missing, seed 1: one site is denied, another answers later."""
    estate.reach("OPEN")

    def find(call: Call) -> None:
        wire.off("dynamodb", "Query")
        estate.store.put_servers("execution-1", [makers.record(1)])

    wire.on("dynamodb", "Query", find)
    close(estate, failure=FAILURE)
    [server] = estate.report()["servers"]
    assert server["status"] == "SKIPPED"
    assert "no rights" in server["reason"]
    assert estate.servers()["app-1"].status is ServerStatus.SKIPPED


def test_a_plan_that_selects_no_server_says_how_to_select(estate: Estate) -> None:
    estate.reach("OPEN")
    assert "selects no server" in close(estate, decision="NOTHING_TO_DO")["reason"]
    assert "dr:enabled=true" in estate.report()["remedy"]


@pytest.mark.parametrize(
    ("status", "fields", "remedy"),
    [
        (ServerStatus.READY, {}, "Nothing was changed"),
        (ServerStatus.LAUNCHING, {"job_id": "drsjob-1"}, "may have been launched"),
    ],
)
def test_a_cancelled_execution_says_whether_anything_was_changed(
    estate: Estate, status: ServerStatus, fields: dict[str, Any], remedy: str
) -> None:
    estate.add_pairs("web-1")
    estate.reach("RESERVED")
    move(estate, status, "web-1", **fields)
    assert remedy in close(estate, failure={"Error": "ExecutionAborted", "Cause": "stop"})["remedy"]


def test_a_dry_run_ends_with_a_plan_of_action_and_leaves_no_outcome(estate: Estate) -> None:
    estate.add_pairs("db-1")
    estate.reach("PLANNED", dryRun=True)
    assert close(estate, decision="DRY_RUN")["status"] == "COMPLETED"
    assert estate.servers()["db-1"].status is ServerStatus.READY
    assert estate.report()["planOfAction"]["waves"]
    assert estate.messages()[-1][0] == "erp: dry run completed"


def test_a_request_that_was_refused_is_reported_too(estate: Estate) -> None:
    answer = close(estate, failure={"Error": "RequestInvalidError", "Cause": "bad"})
    assert (answer["status"], answer["reason"]) == ("FAILED", "RequestInvalidError: bad")
    assert estate.report("unknown")["endedAt"] == estate.now


@pytest.mark.parametrize(
    ("cause", "message"),
    [
        (json.dumps({"errorMessage": "no rights", "errorType": "X"}), "no rights"),
        ('{"other": 1}', '{"other": 1}'),
        ("[1]", "[1]"),
        ("plain text", "plain text"),
        ("", None),
        (None, None),
    ],
)
def test_the_message_is_taken_out_of_a_functions_error_document(
    cause: str | None, message: str | None
) -> None:
    assert message_of(cause) == message


def test_a_failback_whose_servers_are_failed_back_and_retired_is_completed(estate: Estate) -> None:
    way = Failback(estate, "web-1")
    way.protected()
    retire(estate)
    estate.call(close_wave, wave="web")
    assert close(estate, decision="PROCEED")["status"] == "COMPLETED"
    assert estate.report()["servers"][0]["status"] == "RECOVERED"


def test_a_server_that_is_protected_and_not_retired_stays_protected(estate: Estate) -> None:
    way = Failback(estate, "web-1")
    way.record(ServerStatus.RECOVERED, protection=Protection.PROTECTED, protected_at=estate.now)
    answer = close(estate, failure={"Error": "AccessDeniedError", "Cause": "no rights"})
    assert answer["status"] == "FAILED"
    server = estate.servers()["web-1"]
    assert server.failback.protection is Protection.PROTECTED
    assert "not tidied up" in (server.failback.protection_reason or "")


def test_nothing_to_do_because_all_is_failed_back_is_no_failure(estate: Estate) -> None:
    way = Failback(estate, "web-1")
    way.record(ServerStatus.RECOVERED, protection=Protection.RETIRED)
    estate.store.change_wave("execution-1", "web", {"status": WaveStatus.COMPLETED})
    assert close(estate, decision="NOTHING_TO_DO")["status"] == "COMPLETED"
