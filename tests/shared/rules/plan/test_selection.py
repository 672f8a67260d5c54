"""Each server that takes part goes with exactly one wave, or it is said why not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.drs import SourceServer
from shared.model.finding import Finding, Severity
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
        {"names": ["unknown"], "tags": {"tier": "db"}},
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


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("app[1]", "app[1]"),
        ("db-1 ", "DB-1"),
        ("db-1", " db-1 "),
        ("db-1", "db-1.corp.example.com."),
        ("DB-?", "db-7"),
    ],
)
def test_a_name_in_the_plan_means_what_pairing_means_by_it(written: str, name: str) -> None:
    matching = {"domainSuffixes": ["corp.example.com"]}
    selection = select([tagged(1, name)], plan({"names": [written]}, matching=matching))
    assert selection.wave_by_server == {server_id(1): "w0"}
    assert not selection.plan_findings


def found(*servers: SourceServer, selector: dict[str, Any]) -> dict[str, Finding]:
    return {finding.code: finding for finding in select(servers, plan(selector)).plan_findings}


def test_servers_that_take_part_without_a_wave_are_named_ten_and_the_count() -> None:
    left = [tagged(number, f"old-{number:02}") for number in range(2, 14)]
    finding = found(tagged(1, "db-1"), *left, selector={"names": ["db-*"]})["SERVERS_UNSELECTED"]
    assert "12 servers take part (old-02" in finding.found
    assert "and 2 more" in finding.found
    assert "old-12" not in finding.found


@pytest.mark.parametrize(
    ("tags", "is_reported"),
    [
        ({"dr:enabled": "yes", "dr:recovery-strategy": "drs"}, True),
        ({"dr:enabled": "true", "dr:recovery-strategy": "DRS2"}, True),
        ({"dr:enabled": "true"}, True),
        ({"dr:enabled": "False", "dr:recovery-strategy": "drs"}, False),
        ({"dr:enabled": " TRUE ", "dr:recovery-strategy": "Drs"}, False),
        ({"team": "erp"}, False),
    ],
)
def test_tags_that_are_neither_yes_nor_no_are_reported(tags: dict[str, str], is_reported: bool) -> None:
    findings = found(
        source_server(1, name="db-1", tags=tags), tagged(2, "db-2"), selector={"names": ["db-*"]}
    )
    assert ("TAG_VALUE_UNKNOWN" in findings) == is_reported


def test_a_name_that_no_server_has_is_reported_with_the_nearest() -> None:
    findings = found(tagged(1, "erp-db-1"), selector={"names": ["erp-bd-1", "erp-db-*"]})
    assert set(findings) == {"NAME_NOT_FOUND"}
    assert "Write 'erp-db-1'." in findings["NAME_NOT_FOUND"].remedy


def test_a_server_named_in_the_plan_that_lacks_the_tags_is_reported_with_the_command() -> None:
    findings = found(
        source_server(1, name="db-1", tags={}), tagged(2, "db-2"), selector={"names": ["db-1", "db-2"]}
    )
    assert set(findings) == {"SERVER_NOT_ENABLED"}
    assert "tag-resource" in findings["SERVER_NOT_ENABLED"].remedy


NAMES = st.lists(st.sampled_from(["db-1", "db-2", "web-1", "app"]), max_size=6)
PATTERNS = st.lists(st.sampled_from(["db-*", "*-1", "app", "*"]), min_size=1, max_size=4)


@given(names=NAMES, patterns=PATTERNS)
def test_every_server_is_in_exactly_one_part_of_the_selection(names: list[str], patterns: list[str]) -> None:
    servers = [tagged(number, name) for number, name in enumerate(names)]
    selection = select(servers, plan(*({"names": [pattern]} for pattern in patterns)))
    parts = [*selection.wave_by_server, *selection.unselected, *selection.ambiguous]
    assert sorted(parts) == sorted(server.source_server_id for server in servers)
