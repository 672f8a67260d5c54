"""Each server that takes part goes with exactly one wave, or it is said why not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.drs import SourceServer
from shared.model.finding import Severity
from shared.model.plan import Plan
from shared.rules.plan.parsing import parse_plan
from shared.rules.plan.selection import select, takes_part
from tests.makers import PARTICIPATES, plan_document, server_id, source_server


def plan(*selectors: dict[str, Any], **changes: Any) -> Plan:
    waves = [{"name": f"w{place}", "servers": selector} for place, selector in enumerate(selectors)]
    return parse_plan(plan_document(waves=waves, **changes))


def tagged(number: int, name: str, **tags: str) -> SourceServer:
    return source_server(number, name=name, tags=PARTICIPATES | tags)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"dr:enabled": "true", "dr:recovery-strategy": "drs"}, True),
        ({"dr:enabled": " True", "dr:recovery-strategy": "DRS"}, True),
        ({"dr:enabled": "false", "dr:recovery-strategy": "drs"}, False),
        ({"dr:enabled": "true", "dr:recovery-strategy": "backup"}, False),
        ({"dr:enabled": "true"}, False),
        ({}, False),
    ],
)
def test_only_servers_with_both_tags_take_part(tags: dict[str, str], expected: bool) -> None:
    assert takes_part(source_server(tags=tags)) is expected
    selection = select([source_server(tags=tags)], plan({"names": ["*"]}))
    assert bool(selection.wave_by_server) is expected
    assert not selection.unselected


@pytest.mark.parametrize(
    "selector",
    [
        {"sourceServerIds": [server_id(1)]},
        {"names": ["db-?"]},
        {"names": ["x", "DB-*"]},
        {"tags": {"tier": "db", "team": "erp"}},
        {"names": ["nobody"], "tags": {"tier": "db"}},
        {"protectionGroup": "databases"},
    ],
)
def test_a_server_is_selected_when_one_of_the_selectors_selects_it(selector: dict[str, Any]) -> None:
    servers = [tagged(1, "Db-1", tier="db", team="erp"), tagged(2, "web-1", tier="web")]
    selection = select(servers, plan(selector, protectionGroups={"databases": {"tags": {"tier": "db"}}}))
    assert selection.wave_by_server == {server_id(1): "w0"}
    assert selection.unselected == (server_id(2),)


def test_tags_must_all_match() -> None:
    selection = select([tagged(1, "db-1", tier="db")], plan({"tags": {"tier": "db", "team": "erp"}}))
    assert selection.unselected == (server_id(1),)


def test_a_server_that_two_waves_select_goes_with_neither() -> None:
    selection = select([tagged(1, "db-1")], plan({"names": ["db-*"]}, {"names": ["*-1"]}, {"names": ["x"]}))
    assert not selection.wave_by_server
    finding = selection.ambiguous[server_id(1)]
    assert (finding.code, finding.severity) == ("WAVE_AMBIGUOUS", Severity.CRITICAL)
    assert "w0 and w1" in finding.found
    assert "db-1" in finding.found


def test_what_the_plan_names_in_vain_is_reported() -> None:
    servers = [source_server(1, tags={}), tagged(3, "db-1")]
    selection = select(servers, plan({"sourceServerIds": [server_id(1), server_id(2)]}, {"names": ["*"]}))
    findings = {finding.code: finding for finding in selection.plan_findings}
    assert set(findings) == {"SERVER_NOT_FOUND", "SERVER_NOT_ENABLED", "WAVE_EMPTY"}
    assert server_id(2) in findings["SERVER_NOT_FOUND"].found
    assert "dr:enabled=true,dr:recovery-strategy=drs" in findings["SERVER_NOT_ENABLED"].remedy
    assert "w0" in findings["WAVE_EMPTY"].found


def test_ids_named_by_a_protection_group_in_vain_are_reported() -> None:
    groups = {"databases": {"sourceServerIds": [server_id(9)]}}
    selection = select([], plan({"protectionGroup": "databases"}, protectionGroups=groups))
    assert [finding.code for finding in selection.plan_findings] == ["SERVER_NOT_FOUND", "WAVE_EMPTY"]


NAMES = st.lists(st.sampled_from(["db-1", "db-2", "web-1", "app"]), max_size=6)
PATTERNS = st.lists(st.sampled_from(["db-*", "*-1", "app", "*"]), min_size=1, max_size=4)


@given(names=NAMES, patterns=PATTERNS)
def test_every_server_is_in_exactly_one_part_of_the_selection(names: list[str], patterns: list[str]) -> None:
    servers = [tagged(number, name) for number, name in enumerate(names)]
    selection = select(servers, plan(*({"names": [pattern]} for pattern in patterns)))
    parts = [*selection.wave_by_server, *selection.unselected, *selection.ambiguous]
    assert sorted(parts) == sorted(server.source_server_id for server in servers)
