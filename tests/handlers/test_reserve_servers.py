"""ReserveServers: each server belongs to one execution at a time."""

from __future__ import annotations

from functions.configuration import reserve_servers
from shared.model.status import ExecutionStatus, ServerStatus
from shared.store import ClaimStore, server_lock
from tests import makers
from tests.handlers.estate import RECOVERY, Estate, environment, plan_document
from tests.handlers.wire import refused_json


def test_a_server_that_another_execution_has_locked_is_blocked_at_the_last_moment(estate: Estate) -> None:
    pairs = estate.add_pairs("db-1", "web-1")
    estate.reach("PLANNED", onBlocked="CONTINUE")
    other = makers.execution(execution_id="other", status=ExecutionStatus.RUNNING, ended_at=None)
    estate.store.open(other, plan_document(name="other"), estate.clock.now())
    estate.locks.take([server_lock(pairs["web-1"][0])], "other", lambda _: False)
    estate.wire.on("sfn", "DescribeExecution", refused_json("AccessDeniedException"))
    for blocked in (1, 0):  # the second call finds the same and changes nothing
        answer = estate.call(reserve_servers, executionArn=estate.arn())
        assert answer == {"decision": "PROCEED", "reserved": 1, "blocked": blocked}
    server = estate.servers()["web-1"]
    assert server.status is ServerStatus.BLOCKED
    assert server.reason == "Execution other works on this server."
    assert server.findings[-1].code == "LOCKED_BY_EXECUTION"
    assert estate.locks.holders([server_lock(pairs["db-1"][0])]) == {
        f"SERVER#{pairs['db-1'][0]}": "execution-1"
    }


def test_who_reserves_late_leaves_no_lock_and_no_claim_behind(estate: Estate) -> None:
    pairs = estate.add_pairs("db-1", "web-1")
    estate.reach("PLANNED")
    estate.store.change_execution("execution-1", {"status": ExecutionStatus.FAILED})
    answer = estate.call(reserve_servers, executionArn=estate.arn())
    assert answer == {"decision": "CANCELLED", "reserved": 0, "blocked": 0}
    assert estate.locks.holders([server_lock(server) for server, _ in pairs.values()]) == {}
    assert ClaimStore(environment()["EXECUTIONS_TABLE"], RECOVERY).all() == []
