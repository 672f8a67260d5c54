"""CloseWave: every server gets its outcome, the pairs are updated, dependent waves are resumed."""

from __future__ import annotations

import json

import pytest

from functions.configuration import (
    await_turn,
    close_wave,
)
from functions.execution.stop import stop_workloads
from shared.model.status import Protection, ServerStatus, WaveStatus
from tests.handlers.closure import FAILURE, move
from tests.handlers.estate import Estate
from tests.handlers.failback import Failback
from tests.handlers.launching import taking_answers
from tests.handlers.wire import refused_json


def test_the_end_of_a_wave_resumes_those_that_wait_for_it_once(estate: Estate) -> None:
    estate.add_pairs("db-1", "web-1")
    estate.reach("PLANNED")
    answers = taking_answers(estate)
    estate.call(await_turn, wave="web", half="START", taskToken="token-of-web")
    for _ in range(2):
        estate.call(close_wave, wave="data", failure={"Error": "Boom", "Cause": "a test"})
    assert [json.loads(answer["output"])["verdict"] for answer in answers] == ["SKIP"]


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
def test_a_wave_that_does_not_wait_any_more_is_left_alone(estate: Estate, code: str) -> None:
    estate.add_pairs("db-1", "web-1")
    estate.reach("PLANNED")
    estate.store.change_wave("execution-1", "web", {"token": "an-old-token"})
    estate.wire.on("sfn", "SendTaskSuccess", refused_json(code))
    assert estate.call(close_wave, wave="data", failure={"Error": "Boom", "Cause": "x"})["status"] == "FAILED"


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
    assert subjects.count("erp: wave web completed") == 1, "the second call sends none"


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


@pytest.mark.parametrize(
    ("stopped", "says"),
    [(False, "runs on {} as before"), (True, "Its workload on {} was stopped. To go on")],
)
def test_a_failed_wave_of_a_failback_names_where_its_workloads_are(
    estate: Estate, stopped: bool, says: str
) -> None:
    way = Failback(estate, "web-1")
    way.record(ServerStatus.CONFIGURED)
    if stopped:
        way.call(stop_workloads, before="LAUNCH")
    assert way.call(close_wave, failure=FAILURE)["status"] == "FAILED"
    server = estate.servers()["web-1"]
    assert says.format(way.ids["web-1"].workload) in (server.remedy or "")
    assert server.failback.protection is not Protection.UNPROTECTED
