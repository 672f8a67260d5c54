"""MatchInstances: one target for each server, and a reason for each server without one."""

from __future__ import annotations

from functions.query import match_instances
from shared.model.finding import Finding
from shared.model.scope import Scope
from shared.model.status import ServerStatus
from shared.store import Leftover
from tests.handlers.estate import RECOVERY, Estate, plan_document


def test_a_server_of_two_waves_is_blocked_with_the_reason(estate: Estate) -> None:
    estate.add_pairs("db-1")
    waves = [{"name": name, "servers": {"names": ["db-*"]}} for name in ("a", "b")]
    estate.reach("MATCHED", plan_document(waves=waves))
    server = estate.servers()["db-1"]
    assert (server.status, server.wave) == (ServerStatus.BLOCKED, None)
    assert "both select db-1" in (server.reason or "")
    assert server.remedy


def test_what_the_plan_names_in_vain_is_a_finding(estate: Estate) -> None:
    estate.add_pairs("db-1")
    estate.reach("MATCHED")
    assert "WAVE_EMPTY" in {finding.code for finding in estate.findings.facts("execution-1", Finding)}


def test_a_wave_whose_servers_are_all_at_another_site_is_not_called_empty(estate: Estate) -> None:
    estate.add_pairs("db-1", "web-1")
    document = plan_document()
    [main] = document["sites"]
    elsewhere = {**main, "name": "elsewhere", "recovery": {**main["recovery"], "region": "eu-west-1"}}
    estate.drs_client(Scope(RECOVERY.account, "eu-west-1")).initialize_service()
    estate.reach("MATCHED", document | {"sites": [elsewhere, main]})
    assert {finding.code for finding in estate.findings.facts("execution-1", Finding)} == set()


def test_a_namesake_that_the_plan_does_not_select_makes_the_name_ambiguous(estate: Estate) -> None:
    [(first, _)] = estate.add_pairs("db-1").values()
    estate.add_servers("db-1")
    waves = [{"name": "data", "servers": {"sourceServerIds": [first]}}]
    estate.reach("MATCHED", plan_document(waves=waves))
    [server] = estate.findings.servers("execution-1")
    assert (server.status, server.source_server_id) == (ServerStatus.BLOCKED, first)


def test_names_pair_one_to_one_and_each_one_left_over_says_why(estate: Estate) -> None:
    pairs = estate.add_pairs("db-1", "web-1")
    estate.add_servers("web-2", "web-3")
    for name in ("web-2", "WEB-2 "):
        estate.add_target(name)
    lonely = estate.add_target("unknown")
    estate.reach("DISCOVERED")
    assert estate.call(match_instances) == {"matched": 2, "unmatched": 2}
    servers = estate.servers()
    assert {name: servers[name].pair_instance_id for name in pairs} == {n: t for n, (_, t) in pairs.items()}
    assert servers["db-1"].private_ip_before == estate.instance(pairs["db-1"][1])["PrivateIpAddress"]
    for name in ("web-2", "web-3"):
        assert servers[name].status is ServerStatus.BLOCKED
        assert servers[name].reason
        assert servers[name].remedy
    assert lonely in {left.instance_id for left in estate.findings.facts("execution-1", Leftover)}
    assert estate.call(match_instances) == {"matched": 2, "unmatched": 0}, "outcomes are final"
