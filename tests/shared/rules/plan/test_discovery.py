"""Which listed source servers belong to a site, and which names are looked for without a tag."""

from __future__ import annotations

from typing import Any

import pytest

from shared.model.finding import Finding, Severity
from shared.model.plan import Matching
from shared.model.scope import Site
from shared.model.status import ServerStatus
from shared.rules.plan.discovery import discovered, is_called, is_of_site, is_selected, without_target
from shared.rules.plan.selection import Selection
from tests import makers

SITE = Site("main", makers.ORIGIN, makers.RECOVERY)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, True),
        ({"origin_account": None, "origin_region": None}, True),
        ({"origin_account": "999988887777"}, False),
        ({"origin_region": "eu-west-1"}, False),
        ({"replication_direction": "FAILBACK"}, False),
    ],
)
def test_a_server_belongs_to_the_site_it_came_from(values: dict[str, Any], expected: bool) -> None:
    assert is_of_site(makers.source_server(1, **values), SITE) is expected


def test_only_names_without_a_target_are_looked_for() -> None:
    servers = [makers.source_server(1), makers.source_server(2), makers.source_server(3, name="")]
    assert without_target(servers, [makers.instance(1)], Matching()) == ["app-2"]


@pytest.mark.parametrize("name", ["app-2", "APP-2", " app-2 ", "app-2.corp.example.com"])
def test_names_are_compared_as_pairing_does(name: str) -> None:
    matching = Matching(domain_suffixes=(".corp.example.com",))
    assert is_called(makers.instance(9, name=name), ["app-2"], matching)
    assert not is_called(makers.instance(9, name=name), ["app-3"], matching)


def test_a_server_that_two_waves_select_is_recorded_as_blocked() -> None:
    issue = Finding("WAVE_AMBIGUOUS", Severity.CRITICAL, "Two waves.", "Choose one.")
    selection = Selection({makers.server_id(1): "data"}, ambiguous={makers.server_id(2): issue})
    first, second, third = (makers.source_server(number) for number in (1, 2, 3))
    assert [is_selected(server, selection) for server in (first, second, third)] == [True, True, False]
    assert (discovered(first, selection).status, discovered(first, selection).wave) == (
        ServerStatus.DISCOVERED,
        "data",
    )
    assert (discovered(second, selection).status, discovered(second, selection).findings) == (
        ServerStatus.BLOCKED,
        (issue,),
    )
