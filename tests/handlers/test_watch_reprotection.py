"""WatchReprotection: a server is protected once DRS replicates it continuously."""

from __future__ import annotations

from typing import Any

from functions.configuration import watch_reprotection
from functions.execution.launch import reprotect
from shared.model.status import Protection
from shared.times import parse_time
from tests.handlers.estate import ORIGIN, Estate
from tests.handlers.failback import Failback
from tests.handlers.reprotection import replication_of, retire


def await_protection(estate: Estate) -> dict[str, Any]:
    for _ in range(200):
        answer: dict[str, Any] = estate.call(watch_reprotection)
        if not answer["pending"]:
            return answer
        assert 15 <= answer["waitSeconds"] <= 300
        estate.clock.advance(answer["waitSeconds"])
    raise AssertionError("it is never protected")


def test_what_returned_is_protected_again_and_asked_once(estate: Estate) -> None:
    way = Failback(estate, "web-1", "web-2")
    way.failed_back()
    estate.clock.advance(600)
    estate.wire.clear()
    answer = estate.call(reprotect)
    assert answer == {"waiting": 0, "requested": 2, "failed": 0, "waitSeconds": 15}
    estate.call(reprotect)
    assert len(estate.wire.of("ReverseReplication")) == 2
    assert estate.call(watch_reprotection)["pending"] == 2
    assert await_protection(estate) | {"waitSeconds": 0} == {
        "pending": 0,
        "protected": 2,
        "failed": 0,
        "bytesLeft": 0,
        "waitSeconds": 0,
    }
    server = estate.servers()["web-1"]
    assert server.failback.protection is Protection.PROTECTED
    assert parse_time(server.failback.protected_at) == parse_time(estate.now)
    assert server.failback.reprotect_requested_at is not None
    assert replication_of(estate, server.source_server_id) == "CONTINUOUS"


def test_a_copy_that_does_not_catch_up_is_unprotected_at_the_deadline(estate: Estate) -> None:
    way = Failback(estate, "web-1", failback={"reprotectDeadlineSeconds": 600})
    way.failed_back()
    estate.clock.advance(600)
    assert estate.call(reprotect)["requested"] == 1
    estate.fault("STALLS", server=way.ids["web-1"].server, error="AGENT_NOT_SEEN")
    assert await_protection(estate)["failed"] == 1
    assert estate.servers()["web-1"].failback.protection_remedy


def test_a_server_that_an_earlier_execution_left_half_retired_is_believed_only_by_what_drs_says(
    estate: Estate,
) -> None:
    way = Failback(estate, "web-1")
    way.protected()
    estate.drs_client(ORIGIN).stop_replication(sourceServerID=way.ids["web-1"].reversed)
    way.change(protection=Protection.PROTECTED, protected_at=None)
    assert estate.call(watch_reprotection)["pending"] == 1
    assert estate.servers()["web-1"].failback.protection is Protection.RESCANNING
    assert await_protection(estate)["protected"] == 1
    assert retire(estate)["retired"] == 1
