"""DecidePairs: believes its own reads, writes each pair once, and lets findings only block a server."""

from __future__ import annotations

from typing import Any

import pytest

from functions.configuration import decide_pairs
from shared.model.decided_pair import DecidedPair
from shared.model.status import ServerStatus
from shared.store.connection import table
from shared.store.decision_items import decision_key
from tests import makers
from tests.handlers.estate import RECOVERY, Estate, environment
from tests.handlers.failover import Failover


def decide(estate: Estate) -> dict[str, Any]:
    answer: dict[str, Any] = estate.call(decide_pairs, executionArn=estate.arn())
    return answer


def claim(estate: Estate, name: str, **fields: Any) -> None:
    """A finding about a server says something else than was found."""
    server = estate.servers()[name]
    estate.findings.change_servers(estate.execution_id, [makers.changed(server, fields)])


def codes(estate: Estate, name: str) -> set[str]:
    return {finding.code for finding in estate.servers()[name].findings}


def test_each_pair_is_written_once_with_few_calls(estate: Estate) -> None:
    pairs = estate.add_pairs("db-1", "web-1", "web-2")
    estate.reach("CHECKED")
    estate.wire.clear()
    answer = decide(estate)
    assert (answer["ready"], answer["blocked"]) == (3, 0)
    assert len(estate.wire.of("DescribeSourceServers")) == 1
    assert not estate.wire.of("GetLaunchConfiguration")
    servers = [server for server, _ in pairs.values()]
    decided = estate.store.decisions(estate.execution_id, servers)
    assert decided == {server: DecidedPair(server, RECOVERY, target) for server, target in pairs.values()}
    assert all(server.previous_launch is None for server in estate.servers().values())


def test_a_repeated_call_changes_nothing_even_where_the_world_has_changed(estate: Estate) -> None:
    pairs = estate.add_pairs("db-1", "web-1")
    estate.reach("DECIDED")
    before = estate.servers()
    estate.ec2().delete_tags(Resources=[pairs["web-1"][1]], Tags=[{"Key": "AWSDRS"}])
    estate.wire.clear()
    assert decide(estate)["ready"] == 2
    assert estate.servers() == before
    assert not estate.wire.of("DescribeSourceServers")


def test_a_server_that_was_recorded_but_not_decided_is_decided_by_the_repeat(estate: Estate) -> None:
    pairs = estate.add_pairs("web-1")
    estate.reach("DECIDED")
    server = pairs["web-1"][0]
    key = decision_key(estate.execution_id, server)
    table(environment()["EXECUTIONS_TABLE"]).delete_item(Key=key)
    before = estate.servers()
    assert decide(estate)["ready"] == 1
    assert estate.servers() == before
    assert set(estate.store.decisions(estate.execution_id, [pairs["web-1"][0]])) == {pairs["web-1"][0]}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"pair_instance_id": "i-00000000000000bad"}, "PAIR_CONTRADICTED"),
        ({"status": ServerStatus.MATCHED}, "NOT_CHECKED"),
        ({"site": "elsewhere"}, "SOURCE_SERVER_NOT_FOUND"),
    ],
)
def test_a_contradicted_server_is_blocked_and_its_neighbour_is_not(
    estate: Estate, fields: dict[str, Any], code: str
) -> None:
    pairs = estate.add_pairs("web-1", "web-2")
    estate.reach("CHECKED")
    claim(estate, "web-1", **fields)
    assert decide(estate)["blocked"] == 1
    servers = estate.servers()
    assert (servers["web-1"].status, servers["web-2"].status) == (ServerStatus.BLOCKED, ServerStatus.READY)
    assert code in codes(estate, "web-1")
    assert servers["web-1"].remedy
    assert not estate.store.decisions(estate.execution_id, [pairs["web-1"][0]])


def test_what_the_checks_left_out_is_found_again(estate: Estate) -> None:
    estate.add_pairs("web-1")
    estate.fault("SERVER_BUSY", server="web-1")
    estate.reach("CHECKED")
    claim(estate, "web-1", findings=())
    assert decide(estate)["blocked"] == 1
    assert "SERVER_BUSY" in codes(estate, "web-1")


def test_no_adoption_is_believed(estate: Estate) -> None:
    estate.add_pairs("web-1")
    estate.reach("CHECKED")
    claim(estate, "web-1", adopted_from="other", job_id="drsjob-1", launch_changed=True)
    decide(estate)
    server = estate.servers()["web-1"]
    assert (server.adopted_from, server.job_id, server.launch_changed) == (None, None, False)


def test_a_failback_decides_original_and_workload(estate: Estate) -> None:
    away = Failover(estate, "web-1", "web-2")
    away.open()
    away.identify()
    away.check()
    claim(estate, "web-2", workload_instance_id=away.ids["web-1"].workload)
    away.decide()
    servers = away.servers()
    assert (servers["web-1"].status, servers["web-2"].status) == (ServerStatus.READY, ServerStatus.BLOCKED)
    assert "PAIR_CONTRADICTED" in away.codes("web-2")
    ids = away.ids["web-1"]
    [pair] = estate.store.decisions(estate.execution_id, [ids.server, away.ids["web-2"].server]).values()
    assert (pair.pair_instance_id, pair.workload_instance_id) == (ids.original, ids.workload)
