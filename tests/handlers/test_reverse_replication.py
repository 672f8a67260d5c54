"""ReverseReplication: one reversed server for each recovery instance, also after a lost answer."""

from __future__ import annotations

from shared.model.status import ExecutionStatus, ServerStatus
from tests import makers
from tests.handlers.estate import ORIGIN, Estate
from tests.handlers.failover import Failover
from tests.handlers.wire import Wire, lost_answer


def test_the_reversal_waits_for_the_agent_and_is_asked_for_once(away: Failover, wire: Wire) -> None:
    away.reach_reversal()
    away.estate.clock.advance(600)
    assert away.reverse() == {"site": "main", "reversed": 2, "waiting": 0, "failed": 0, "waitSeconds": 30}
    wire.clear()
    assert away.reverse() == {"site": "main", "reversed": 0, "waiting": 0, "failed": 0, "waitSeconds": 30}
    assert not wire.of("ReverseReplication")
    found = {item["sourceServerID"] for item in away.reversed_servers()}
    assert {server.failback.reversed_server_id for server in away.servers().values()} == found
    assert len(found) == 2


def test_a_lost_answer_makes_no_second_reversed_server(away: Failover, wire: Wire) -> None:
    away.reach_reversal()
    away.estate.clock.advance(600)
    wire.on("drs", "ReverseReplication", lost_answer(wire))
    assert away.reverse()["reversed"] == 2
    assert len(wire.of("ReverseReplication")) == len(away.reversed_servers()) == 2


def test_an_agent_that_never_checks_in_fails_alone_with_the_remedy(estate: Estate) -> None:
    away = Failover(estate, "web-1", "web-2")
    away.reach_reversal()
    estate.fault("AGENT_NEVER_CHECKS_IN", server=away.ids["web-1"].server)
    estate.clock.advance(600)
    assert away.reverse() == {"site": "main", "reversed": 1, "waiting": 1, "failed": 0, "waitSeconds": 30}
    estate.clock.advance(1801)
    assert away.reverse() == {"site": "main", "reversed": 0, "waiting": 0, "failed": 1, "waitSeconds": 120}
    server = away.servers()["web-1"]
    assert "did not check in" in (server.reason or "")
    assert "AWSElasticDisasterRecoveryRecoveryInstancePolicy" in (server.remedy or "")


def test_a_second_failback_adopts_what_the_first_reversed(away: Failover, wire: Wire) -> None:
    away.reach_reversal()
    away.replicate()
    before = {server.failback.reversed_server_id for server in away.servers().values()}
    away.estate.store.change_execution("failback-1", {"status": ExecutionStatus.CANCELLED})
    away.estate.execution_id = "failback-2"
    wire.clear()
    away.reach_reversal()
    assert away.reverse()["reversed"] == 2
    assert not wire.of("ReverseReplication")
    assert {server.failback.reversed_server_id for server in away.servers().values()} == before
    assert away.watch()["action"] == "GO"


def test_originals_are_tagged_if_the_plan_allows_it(estate: Estate) -> None:
    away = Failover(estate, "web-1", failback={"tagOriginals": True})
    original = away.ids["web-1"].original
    estate.ec2(ORIGIN).delete_tags(Resources=[original], Tags=[{"Key": "AWSDRS"}])
    away.reach_reversal()
    assert "ORIGINAL_WILL_BE_TAGGED" in away.codes("web-1")
    estate.clock.advance(600)
    assert away.reverse()["reversed"] == 1
    tags = {tag["Key"]: tag["Value"] for tag in estate.instance(original, ORIGIN)["Tags"]}
    assert tags["AWSDRS"] == "AllowLaunchingIntoThisInstance"


def test_a_server_that_changed_under_its_neighbours_fails_alone(away: Failover) -> None:
    away.reach_reversal()
    drs = away.estate.drs_client()
    drs.disconnect_recovery_instance(recoveryInstanceID=away.ids["web-1"].workload)
    drs.delete_recovery_instance(recoveryInstanceID=away.ids["web-1"].workload)
    away.estate.clock.advance(600)
    assert away.reverse() == {"site": "main", "reversed": 1, "waiting": 0, "failed": 1, "waitSeconds": 30}
    assert "DRS shows no recovery instance" in (away.servers()["web-1"].reason or "")


def test_a_settled_record_is_not_asked_for(away: Failover) -> None:
    away.reach_reversal()
    server = away.servers()["web-1"]
    values = {"status": ServerStatus.SKIPPED}
    away.estate.store.change_servers("failback-1", [makers.changed(server, values)])
    away.estate.clock.advance(600)
    assert away.reverse()["reversed"] == 1
    assert len(away.reversed_servers()) == 1
