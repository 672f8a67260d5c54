"""StartInstances, VerifyInstances, and every way in which a wave or an execution ends."""

from __future__ import annotations

import json
from typing import Any

import pytest

from functions.configuration import close_aborted_execution, close_execution, close_wave, verify_instances
from functions.execution.launch import start_instances
from shared.model.status import ExecutionStatus, ServerStatus, WaveStatus
from shared.rules.closure.failures import message_of
from shared.store import plan_lock, server_lock
from tests import makers
from tests.handlers.estate import Estate, plan_document
from tests.handlers.wire import Call, Wire, refused

STOPPED = {
    "name": "execution-1",
    "executionArn": "arn:aws:states:us-east-1:999988887777:execution:drs-orchestrator-failover:execution-1",
    "startDate": 1767225600000,
}
FAILURE = {"Error": "AccessDeniedError", "Cause": '{"errorMessage": "no rights"}'}


def move(estate: Estate, status: ServerStatus, *names: str, **values: Any) -> None:
    """Put servers into a status, as if the wave had come so far."""
    servers = estate.servers()
    changes = [makers.changed(servers[name], {"status": status, **values}) for name in names]
    assert len(estate.store.change_servers("execution-1", changes)) == len(names)


def close(estate: Estate, **fields: Any) -> dict[str, Any]:
    answer: dict[str, Any] = estate.call(close_execution, startedAt="2026-01-01T00:00:00Z", **fields)
    return answer


# --- starting and verifying


def verify(estate: Estate) -> dict[str, int]:
    """VerifyInstances, and whether it says when to look again."""
    answer: dict[str, int] = estate.call(verify_instances, wave="web")
    assert 5 <= answer.pop("waitSeconds") <= 60
    return answer


def test_launched_targets_are_started_and_verified(estate: Estate) -> None:
    pairs = estate.add_pairs("web-1", "web-2")
    estate.reach("RESERVED")
    move(estate, ServerStatus.LAUNCHED, "web-1", "web-2")
    assert estate.call(start_instances, wave="web") == {"starting": 2, "failed": 0}
    assert estate.call(start_instances, wave="web") == {"starting": 0, "failed": 0}
    assert estate.instance(pairs["web-1"][1])["State"]["Name"] == "running"
    assert estate.servers()["web-1"].start_requested_at == estate.now
    assert verify(estate) == {"pending": 0, "recovered": 2, "failed": 0}
    assert verify(estate) == {"pending": 0, "recovered": 0, "failed": 0}
    server = estate.servers()["web-1"]
    assert (server.verified_at, server.private_ip_after) == (estate.now, server.private_ip_before)


def test_who_takes_out_what_the_wave_has_not_launched_is_the_reason(estate: Estate) -> None:
    estate.add_pairs("web-1", "web-2")
    estate.reach("RESERVED")
    said = "Taken out by jane: it is retired."
    move(estate, ServerStatus.CONFIGURED, "web-1", skip=said)  # no job could be started for it
    move(estate, ServerStatus.LAUNCHED, "web-2")
    assert estate.call(start_instances, wave="web") == {"starting": 1, "failed": 0}
    server = estate.servers()["web-1"]
    assert (server.status, server.reason) == (ServerStatus.SKIPPED, said)


def test_a_target_that_does_not_start_fails_alone(estate: Estate) -> None:
    pairs = estate.add_pairs("web-1", "web-2")
    estate.reach("RESERVED")
    move(estate, ServerStatus.LAUNCHED, "web-1", "web-2")
    bad = pairs["web-1"][1]
    estate.wire.on(
        "ec2",
        "StartInstances",
        lambda call: refused("InsufficientInstanceCapacity", status=500)(call) if bad in call.body else None,
    )
    assert estate.call(start_instances, wave="web") == {"starting": 1, "failed": 1}
    server = estate.servers()["web-1"]
    assert "InsufficientInstanceCapacity" in (server.reason or "")
    assert "no capacity" in (server.remedy or "")


def test_what_may_still_come_up_is_waited_for_until_the_policy_ends(estate: Estate) -> None:
    pairs = estate.add_pairs("web-1", "web-2", "web-3")
    checks = [{"type": "TCP", "port": 1, "host": "127.0.0.1", "timeoutSeconds": 1}]
    waves = [{"name": "web", "servers": {"names": ["web-*"]}, "healthChecks": checks}]
    estate.reach("RESERVED", plan_document(waves=waves, policies={"verifyTimeoutSeconds": 600}))
    move(estate, ServerStatus.STARTING, "web-1", "web-2", "web-3", start_requested_at=estate.now)
    estate.ec2().start_instances(InstanceIds=[pairs["web-1"][1]])
    estate.ec2().terminate_instances(InstanceIds=[pairs["web-3"][1]])
    assert verify(estate) == {"pending": 2, "recovered": 0, "failed": 1}
    assert "does not run" in (estate.servers()["web-3"].reason or "")
    estate.clock.advance(120)
    assert verify(estate) == {"pending": 1, "recovered": 0, "failed": 1}
    assert "did not start" in (estate.servers()["web-2"].reason or "")
    estate.clock.advance(600)
    assert verify(estate) == {"pending": 0, "recovered": 0, "failed": 1}
    assert "Not verified in time: TCP 127.0.0.1:1 does not answer" in (estate.servers()["web-1"].reason or "")


# --- closing a wave


def test_a_wave_whose_servers_recovered_is_completed_and_remembers_its_pairs(estate: Estate) -> None:
    pairs = estate.add_pairs("web-1", "web-2", stagingAccountID="444455556666")
    estate.reach("RESERVED")
    move(estate, ServerStatus.RECOVERED, "web-1", "web-2", private_ip_after="10.0.0.1", verified_at="now")
    for _ in range(2):
        answer = estate.call(close_wave, wave="web", skipReason="", batchFailures="", failure=None)
        assert answer == {"wave": "web", "status": "COMPLETED", "recovered": 2, "failed": 0}
    pair = estate.pairs.get([pairs["web-1"][0]])[pairs["web-1"][0]]
    assert (pair.pair_instance_id, pair.private_ip) == (pairs["web-1"][1], "10.0.0.1")
    assert (pair.workload_side, pair.last_failover, pair.staging_account) == (
        "RECOVERY",
        "execution-1",
        "444455556666",
    )
    subjects = [subject for subject, _ in estate.messages()]
    assert subjects.count("erp: wave web completed") == 1, "the second call tells nobody"


def test_a_skipped_wave_says_why_and_what_is_left(estate: Estate) -> None:
    pairs = estate.add_pairs("web-1", "web-2", "web-3")
    estate.reach("RESERVED")
    move(estate, ServerStatus.LAUNCHED, "web-1")
    move(estate, ServerStatus.FAILED, "web-3", reason="before", remedy="before")
    assert estate.call(close_wave, wave="web", skipReason="data is FAILED")["status"] == "SKIPPED"
    servers = estate.servers()
    assert [servers[f"web-{n}"].status for n in (1, 2, 3)] == [
        ServerStatus.SKIPPED,
        ServerStatus.SKIPPED,
        ServerStatus.FAILED,
    ]
    assert f"{pairs['web-1'][1]} has the recovered volumes" in (servers["web-1"].remedy or "")
    assert servers["web-3"].reason == "before", "an outcome is final"
    assert (estate.wave("web").status, estate.wave("web").reason) == (WaveStatus.SKIPPED, "data is FAILED")


def test_a_wave_that_broke_fails_what_was_under_way(estate: Estate) -> None:
    estate.add_pairs("web-1", "web-2")
    estate.reach("RESERVED")
    move(estate, ServerStatus.RECOVERED, "web-2")
    assert estate.call(close_wave, wave="web", failure=FAILURE)["status"] == "FAILED"
    assert "while this server was READY: AccessDeniedError" in (estate.servers()["web-1"].reason or "")
    assert estate.servers()["web-2"].status is ServerStatus.RECOVERED


def test_a_batch_that_could_not_be_started_is_the_reason(estate: Estate) -> None:
    estate.add_pairs("web-1")
    estate.reach("RESERVED")
    assert estate.call(close_wave, wave="web", batchFailures="OutcomeUnknownError")["status"] == "FAILED"
    assert (estate.servers()["web-1"].reason or "").endswith("OutcomeUnknownError")


# --- closing an execution


def test_a_completed_execution_reports_releases_and_tells(estate: Estate) -> None:
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


def test_a_plan_that_selects_nobody_says_how_to_select(estate: Estate) -> None:
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
    told = len(estate.messages())
    assert close_aborted_execution.handler(event, None) == {"status": "CLOSED"}
    assert len(estate.messages()) == told


def test_a_stop_without_a_date_counts_from_its_event(estate: Estate) -> None:
    estate.open()
    detail = {**STOPPED, "status": "ABORTED", "cause": "by me"}
    close_aborted_execution.handler({"detail": detail, "time": "2026-01-01T02:00:00Z"}, None)
    record = estate.store.execution("execution-1")
    assert (record.ended_at, record.reason) == ("2026-01-01T02:00:00Z", "ExecutionAborted: by me")


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
