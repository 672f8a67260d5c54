"""DiscoverServers: servers that a wave selects, and instances that may be targets."""

from __future__ import annotations

import pytest

from functions.query import discover_servers
from shared.model.ec2 import Instance
from shared.model.status import ServerStatus
from tests.handlers.estate import Estate, plan_document
from tests.handlers.wire import Wire


def test_tagged_servers_of_the_site_that_a_wave_selects_are_found(estate: Estate) -> None:
    estate.add_servers("db-1", "web-1", "unselected-1")
    estate.add_servers("db-2", tags={"dr:enabled": "false"})
    estate.add_servers("web-2", originAccountID="999999999999")
    estate.add_servers("web-3", originRegion="eu-west-1")
    estate.add_target("web-1")
    untagged = estate.add_target("db-1", tags={})
    estate.add_target("another", tags={})
    estate.reach("DISCOVERED")
    assert {name: server.wave for name, server in estate.servers().items()} == {
        "db-1": "data",
        "web-1": "web",
    }
    assert {server.status for server in estate.servers().values()} == {ServerStatus.DISCOVERED}
    assert untagged in {i.instance_id for i in estate.findings.facts("execution-1", Instance)}


def test_discovery_counts_and_may_be_repeated(estate: Estate) -> None:
    estate.add_pairs("db-1", "web-1")
    estate.open()
    for _ in range(2):
        assert estate.call(discover_servers, site="main") == {"site": "main", "servers": 2, "instances": 2}
    assert len(estate.servers()) == 2


@pytest.mark.parametrize(("by_hand", "looked_up"), [(False, ["web-1"]), (True, ["db-1", "web-1"])])
def test_names_are_looked_up_again_only_where_no_target_has_them(
    estate: Estate, wire: Wire, by_hand: bool, looked_up: list[str]
) -> None:
    server, target = estate.add_pairs("db-1")["db-1"]
    estate.add_servers("web-1")
    pair = {"sourceServerId": server, "targetInstanceId": target}
    estate.reach("DISCOVERED", plan_document(**({"matching": {"manualPairs": [pair]}} if by_hand else {})))
    forms = [call.form for call in wire.of("DescribeInstances")]
    [form] = [form for form in forms if form["Filter.1.Name"] == ["tag:Name"]]
    assert [form[f"Filter.1.Value.{n + 1}"][0] for n in range(len(looked_up))] == looked_up
    assert f"Filter.1.Value.{len(looked_up) + 1}" not in form
