"""DiscoverServers: servers that a wave selects, and instances that may be targets."""

from __future__ import annotations

import pytest

from functions.query import discover_servers
from shared.model.ec2 import Instance
from shared.model.status import ServerStatus
from tests.handlers.estate import Estate
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


@pytest.mark.parametrize(("names", "calls"), [(["db-1"], 1), (["db-1", "web-1"], 2)])
def test_all_instances_are_read_only_where_a_server_has_no_target(
    estate: Estate, wire: Wire, names: list[str], calls: int
) -> None:
    estate.add_pairs("db-1")
    estate.add_servers(*names[1:])
    estate.add_target("unrelated", tags={})
    estate.reach("DISCOVERED")
    assert len(wire.of("DescribeInstances")) == calls
    assert {i.name for i in estate.findings.facts("execution-1", Instance)} == {"db-1"}
