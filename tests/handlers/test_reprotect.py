"""Reprotect: failed-back originals are reversed once, and an unprotected one has a remedy."""

from __future__ import annotations

from typing import Any

from functions.execution.launch import reprotect
from shared.model.status import Protection, ServerStatus
from tests.handlers.estate import Estate
from tests.handlers.failback import Failback
from tests.handlers.wire import lost_answer, refused_json


def reprotect_until_asked(estate: Estate) -> dict[str, Any]:
    for _ in range(40):
        answer: dict[str, Any] = estate.call(reprotect)
        if not answer["waiting"]:
            return answer
        estate.clock.advance(answer["waitSeconds"])
    raise AssertionError("it waits for ever")


def test_an_agent_that_has_not_checked_in_is_waited_for(estate: Estate) -> None:
    way = Failback(estate, "web-1")
    way.failed_back()
    estate.clock.advance(600)
    estate.fault("AGENT_NEVER_CHECKS_IN", server=way.ids["web-1"].reversed)
    assert estate.call(reprotect) == {"waiting": 1, "requested": 0, "failed": 0, "waitSeconds": 15}
    assert estate.servers()["web-1"].failback.protection is Protection.RETURNING
    estate.clock.advance(600)
    assert estate.call(reprotect)["waitSeconds"] == 60, "the longer it takes, the less often"
    estate.admin("DELETE", "/faults")
    assert estate.call(reprotect)["requested"] == 1


def test_an_agent_that_never_checks_in_leaves_its_server_unprotected_with_a_remedy(estate: Estate) -> None:
    way = Failback(estate, "web-1", "web-2")
    way.failed_back()
    estate.clock.advance(600)
    estate.fault("AGENT_NEVER_CHECKS_IN", server=way.ids["web-1"].reversed)
    answer = reprotect_until_asked(estate)
    assert (answer["requested"], answer["failed"]) == (0, 1)
    server = estate.servers()["web-1"]
    assert server.failback.protection is Protection.UNPROTECTED
    assert "not connected to DRS" in (server.failback.protection_reason or "")
    assert "AWSElasticDisasterRecoveryRecoveryInstancePolicy" in (server.failback.protection_remedy or "")
    assert server.status is ServerStatus.RECOVERED
    assert estate.servers()["web-2"].failback.protection is Protection.RESCANNING


def test_a_reversal_whose_answer_was_lost_is_found_and_not_repeated(estate: Estate) -> None:
    way = Failback(estate, "web-1")
    way.failed_back()
    estate.clock.advance(600)
    estate.wire.on("drs", "ReverseReplication", lost_answer(estate.wire))
    assert estate.call(reprotect)["waiting"] == 1
    estate.wire.off("drs", "ReverseReplication")
    estate.wire.clear()
    assert estate.call(reprotect)["requested"] == 1
    assert not estate.wire.of("ReverseReplication")


def test_denied_rights_are_not_waited_for(estate: Estate) -> None:
    way = Failback(estate, "web-1")
    way.failed_back()
    estate.wire.on("drs", "ReverseReplication", refused_json("AccessDeniedException", status=403))
    assert estate.call(reprotect)["failed"] == 1
    assert "member-account stack" in (estate.servers()["web-1"].failback.protection_remedy or "")


def test_an_original_that_drs_does_not_list_is_given_up_in_time(estate: Estate) -> None:
    Failback(estate, "web-1").record(ServerStatus.RECOVERED)
    assert reprotect_until_asked(estate)["failed"] == 1
    assert "shows no recovery instance" in (estate.servers()["web-1"].failback.protection_reason or "")
