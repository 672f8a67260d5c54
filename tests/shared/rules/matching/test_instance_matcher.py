"""A server is paired with the one target of its name, or with none and the reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.drs import SourceServer
from shared.model.ec2 import Instance
from shared.model.finding import Severity
from shared.model.plan import ManualPair, Matching
from shared.model.scope import Scope
from shared.rules.matching.instance_matcher import MANUAL, NAME, MatchResult, Pair, match_instances, normalize
from shared.rules.matching.names import distance
from tests.makers import ELSEWHERE, TARGET_TAGS, instance, instance_id, server_id, source_server

PLAIN = Matching()


def match(servers: list[SourceServer], targets: list[Instance], **matching: Any) -> MatchResult:
    return match_instances(servers, targets, Matching(**matching))


def server(number: int, name: str, **changes: Any) -> SourceServer:
    return source_server(number, name=name, **changes)


def target(number: int, name: str, **changes: Any) -> Instance:
    return instance(number, name=name, **changes)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("DB-1", "db-1"),
        ("  db-1\t", "db-1"),
        ("db-1.corp.example.com", "db-1"),
        ("db-1.CORP.example.com.", "db-1"),
        ("db-1.other.example.com", "db-1.other"),
        ("db-1.example.org", "db-1.example.org"),
        ("corp.example.com", "corp"),
        (".example.com", ".example.com"),
        ("", ""),
    ],
)
def test_normalize(name: str, expected: str) -> None:
    assert normalize(name, ["example.com", ".corp.example.com"]) == expected


def test_names_that_are_the_same_when_normalized_are_paired() -> None:
    result = match(
        [server(1, "DB-1.corp.example.com"), server(2, " db-2 ")],
        [target(1, "db-1"), target(2, "Db-2")],
        domain_suffixes=(".corp.example.com",),
    )
    assert result.pairs == (
        Pair(server_id(1), instance_id(1), NAME),
        Pair(server_id(2), instance_id(2), NAME),
    )
    assert not result.unmatched_servers
    assert not result.unmatched_targets


def test_a_target_of_another_scope_is_none() -> None:
    result = match([server(1, "db-1")], [target(1, "db-1", scope=ELSEWHERE)])
    assert result.unmatched_servers[server_id(1)].code == "TARGET_MISSING"
    assert result.unmatched_targets[instance_id(1)].code == "TARGET_UNUSED"


def test_the_same_name_in_two_scopes_is_two_pairs() -> None:
    result = match(
        [server(1, "db-1"), server(2, "db-1", scope=ELSEWHERE)],
        [target(1, "db-1"), target(2, "db-1", scope=ELSEWHERE)],
    )
    assert {(p.source_server_id, p.instance_id) for p in result.pairs} == {
        (server_id(1), instance_id(1)),
        (server_id(2), instance_id(2)),
    }


def test_two_targets_of_one_name_are_both_named_and_neither_is_taken() -> None:
    result = match([server(1, "db-1")], [target(1, "db-1"), target(2, "DB-1")])
    assert not result.pairs
    finding = result.unmatched_servers[server_id(1)]
    assert (finding.code, finding.severity) == ("TARGET_AMBIGUOUS", Severity.CRITICAL)
    assert f"{instance_id(1)} and {instance_id(2)}" in finding.found
    assert {finding.code for finding in result.unmatched_targets.values()} == {"TARGET_AMBIGUOUS"}


def test_two_servers_of_one_name_are_both_named_and_neither_is_paired() -> None:
    result = match([server(1, "db-1"), server(2, "db-1")], [target(1, "db-1")])
    assert not result.pairs
    assert {f.code for f in result.unmatched_servers.values()} == {"SERVER_NAME_AMBIGUOUS"}
    assert server_id(2) in result.unmatched_servers[server_id(1)].found
    assert result.unmatched_targets[instance_id(1)].code == "SERVER_NAME_AMBIGUOUS"


def test_of_one_machine_that_is_listed_twice_the_dead_record_is_named() -> None:
    dead = replace(server(1, "db-1"), replication_state="DISCONNECTED", last_seen="2026-01-01T08:00:00Z")
    result = match([dead, server(2, "db-1")], [target(1, "db-1")])
    for finding in result.unmatched_servers.values():
        assert f"{server_id(1)} is DISCONNECTED, last seen 2026-01-01T08:00:00Z" in finding.remedy
        assert f"delete-source-server --source-server-id {server_id(1)}" in finding.remedy
    both = match([dead, replace(dead, source_server_id=server_id(2))], [target(1, "db-1")])
    assert all("delete-source-server" not in f.remedy for f in both.unmatched_servers.values())


def test_what_has_no_name_is_never_paired() -> None:
    result = match([server(1, "  ")], [target(1, "")])
    assert not result.pairs
    assert result.unmatched_servers[server_id(1)].code == "NAME_MISSING"
    assert result.unmatched_targets[instance_id(1)].code == "NAME_MISSING"


def test_an_instance_with_the_name_but_not_the_tag_explains_the_gap() -> None:
    result = match([server(1, "db-1")], [target(1, "db-1", tags={"AWSDRS": "allow"})])
    finding = result.unmatched_servers[server_id(1)]
    assert finding.code == "TARGET_UNTAGGED"
    assert f"--resources {instance_id(1)}" in finding.remedy
    assert "Value=AllowLaunchingIntoThisInstance --region us-east-2" in finding.remedy
    assert not result.unmatched_targets


def test_a_tagged_instance_is_paired_beside_an_untagged_namesake() -> None:
    result = match([server(1, "db-1")], [target(1, "db-1"), target(2, "db-1", tags={})])
    assert [pair.instance_id for pair in result.pairs] == [instance_id(1)]


def test_a_terminated_instance_does_not_count() -> None:
    result = match([server(1, "db-1")], [target(1, "db-1", state="terminated"), target(2, "db-1")])
    assert [pair.instance_id for pair in result.pairs] == [instance_id(2)]


# --- manual pairs -----------------------------------------------------------------------------------------


def test_a_manual_pair_comes_before_names_and_frees_them() -> None:
    result = match(
        [server(1, "db-1"), server(2, "db-1")],
        [target(1, "db-1"), target(2, "other")],
        manual_pairs=(ManualPair(instance_id(2), source_server_id=server_id(1)),),
    )
    assert result.pairs == (
        Pair(server_id(1), instance_id(2), MANUAL),
        Pair(server_id(2), instance_id(1), NAME),
    )


def test_a_manual_pair_by_name_means_the_server_beside_its_target() -> None:
    result = match(
        [server(1, "db-1"), server(2, "DB-1", scope=ELSEWHERE)],
        [target(1, "x", scope=ELSEWHERE)],
        manual_pairs=(ManualPair(instance_id(1), source_server_name="Db-1"),),
    )
    assert result.pairs == (Pair(server_id(2), instance_id(1), MANUAL),)


BY_ID = {"source_server_id": server_id(1)}


@pytest.mark.parametrize(
    ("pairs", "targets", "code"),
    [
        ((ManualPair(instance_id(9), **BY_ID),), [target(1, "db-1")], "MANUAL_PAIR_TARGET_UNKNOWN"),
        (
            (ManualPair(instance_id(1), **BY_ID),),
            [target(1, "db-1", scope=ELSEWHERE)],
            "MANUAL_PAIR_OTHER_SCOPE",
        ),
        ((ManualPair(instance_id(1), **BY_ID),), [target(1, "db-1", tags={})], "TARGET_UNTAGGED"),
        (
            (ManualPair(instance_id(1), **BY_ID), ManualPair(instance_id(2), source_server_name="db-1")),
            [target(1, "db-1"), target(2, "x")],
            "MANUAL_PAIR_SERVER_TWICE",
        ),
        (
            (ManualPair(instance_id(1), **BY_ID), ManualPair(instance_id(1), source_server_name="db-2")),
            [target(1, "x")],
            "MANUAL_PAIR_TARGET_TWICE",
        ),
        (
            (ManualPair(instance_id(1), source_server_name="target"),),
            [target(1, "x")],
            "MANUAL_PAIR_SERVER_AMBIGUOUS",
        ),
    ],
)
def test_a_manual_pair_that_cannot_be_is_refused_and_no_name_helps_out(
    pairs: tuple[ManualPair, ...], targets: list[Instance], code: str
) -> None:
    servers = [server(1, "db-1"), server(2, "db-2"), server(3, "target"), server(4, "target")]
    result = match(servers, targets, manual_pairs=pairs)
    assert not result.pairs
    assert code in {finding.code for finding in result.unmatched_servers.values()}
    assert all(finding.severity is Severity.CRITICAL for finding in result.unmatched_servers.values())


def test_a_manual_pair_of_a_server_that_is_unknown_keeps_its_target_and_is_reported() -> None:
    pair = ManualPair(instance_id(1), source_server_name="missing")
    result = match([server(1, "db-1")], [target(1, "db-1")], manual_pairs=(pair,))
    assert not result.pairs
    assert [finding.code for finding in result.plan_findings] == ["MANUAL_PAIR_SERVER_UNKNOWN"]
    assert result.unmatched_targets[instance_id(1)].code == "MANUAL_PAIR_SERVER_UNKNOWN"


def test_an_ambiguous_pair_takes_nothing_from_one_that_is_clear() -> None:
    result = match(
        [server(1, "target"), server(2, "target")],
        [target(1, "x"), target(2, "y")],
        manual_pairs=(ManualPair(instance_id(1), **BY_ID), ManualPair(instance_id(2), None, "target")),
    )
    assert result.pairs == (Pair(server_id(1), instance_id(1), MANUAL),)
    assert set(result.unmatched_servers) == {server_id(2)}


# --- similar names -----------------------------------------------------------------------------------------


def test_a_small_difference_is_proposed_and_not_paired() -> None:
    result = match([server(1, "erp-web-1")], [target(1, "erp-wbe-1")], max_edit_distance=2)
    assert not result.pairs
    [proposal] = result.proposals
    assert (proposal.source_server_id, proposal.instance_id) == (server_id(1), instance_id(1))
    assert proposal.distance == 2
    remedy = result.unmatched_servers[server_id(1)].remedy
    assert "erp-wbe-1" in remedy
    assert f"sourceServerId: {server_id(1)}, targetInstanceId: {instance_id(1)}" in remedy


@pytest.mark.parametrize(
    ("name", "other", "tolerance", "proposed"),
    [
        ("erp-web", "erp-wbe", 1, False),
        ("erp-web", "erp-wb", 1, True),
        ("erp-web", "erp-wb", 0, False),
        ("web-1", "web-2", 2, False),
        ("web-1", "web-01", 1, True),
        ("web-1", "web-0001", 2, False),
        ("db", "dc", 2, False),
        ("abcd", "abxy", 2, False),
    ],
)
def test_what_is_near_enough_to_propose(name: str, other: str, tolerance: int, proposed: bool) -> None:
    result = match([server(1, name)], [target(1, other)], max_edit_distance=tolerance)
    assert bool(result.proposals) is proposed


def test_only_the_nearest_names_are_proposed_and_only_in_the_same_scope() -> None:
    targets = [target(1, "erp-weeb"), target(2, "erp-wxyb"), target(3, "erp-webb", scope=ELSEWHERE)]
    result = match([server(1, "erp-web")], targets, max_edit_distance=2)
    assert [proposal.instance_id for proposal in result.proposals] == [instance_id(1)]


def test_the_remedy_of_a_missing_target_names_an_unused_one_even_where_the_plan_proposes_none() -> None:
    result = match([server(1, "ab"), server(2, "erp-web")], [target(1, "erp-wbe"), target(2, "erp-other")])
    assert result.proposals == ()
    assert "Is 'erp-wbe' meant?" in result.unmatched_servers[server_id(2)].remedy
    assert "meant?" not in result.unmatched_servers[server_id(1)].remedy


def test_a_short_name_does_not_hide_what_is_near_to_a_longer_one() -> None:
    servers = [server(1, "db"), server(2, "erp-web")]
    result = match(servers, [target(1, "erp-wb"), target(2, "db-x-y-z")], max_edit_distance=1)
    assert [proposal.source_server_id for proposal in result.proposals] == [server_id(2)]


def test_a_record_is_disconnected_before_it_is_deleted_and_none_of_several_untagged_is_preferred() -> None:
    both = [server(1, "web", replication_state="STOPPED"), server(2, "web")]
    remedy = match(both, []).unmatched_servers[server_id(2)].remedy
    assert remedy.index("disconnect-source-server") < remedy.index("delete-source-server")
    dead = [server(1, "web", replication_state="DISCONNECTED"), server(2, "web")]
    assert "disconnect-source-server" not in match(dead, []).unmatched_servers[server_id(2)].remedy

    untagged = [target(1, "db", tags={}), target(2, "db", tags={})]
    finding = match([server(1, "db")], untagged).unmatched_servers[server_id(1)]
    assert "--resources INSTANCE_ID " in finding.remedy
    assert instance_id(1) in finding.found


def test_a_target_that_the_plan_gives_to_another_server_is_not_called_missing() -> None:
    pair = ManualPair(instance_id(2), source_server_id=server_id(1))
    servers, targets = [server(1, "db-1"), server(2, "db-2")], [target(1, "db-1"), target(2, "db-2")]
    finding = match(servers, targets, manual_pairs=(pair,)).unmatched_servers[server_id(2)]
    assert (finding.code, instance_id(2) in finding.found) == ("TARGET_MISSING", True)
    assert "Create" not in finding.remedy


@given(one=st.text("ab1", max_size=6), other=st.text("ab1", max_size=6))
def test_distance_is_a_metric(one: str, other: str) -> None:
    assert distance(one, other) == distance(other, one)
    assert (distance(one, other) == 0) == (one == other)
    assert abs(len(one) - len(other)) <= distance(one, other) <= max(len(one), len(other))


# --- always -----------------------------------------------------------------------------------------------

SCOPES = st.sampled_from([Scope("444455556666", "us-east-2"), ELSEWHERE])
NAMES = st.sampled_from(["", "a", "A ", "db-1", "DB-1", "db-2", "web", "wbe", "webb", "web.corp"])
SERVERS = st.lists(st.tuples(NAMES, SCOPES), max_size=8)
TARGETS = st.lists(
    st.tuples(NAMES, SCOPES, st.booleans(), st.sampled_from(["stopped", "terminated"])), max_size=8
)
MANUAL_PAIRS = st.lists(
    st.one_of(
        st.builds(ManualPair, st.integers(0, 9).map(instance_id), st.integers(0, 9).map(server_id)),
        st.builds(ManualPair, st.integers(0, 9).map(instance_id), st.none(), NAMES),
    ),
    max_size=3,
)


@given(
    servers=SERVERS,
    targets=TARGETS,
    manual=MANUAL_PAIRS,
    tolerance=st.integers(0, 2),
    seed=st.randoms(use_true_random=False),
)
def test_no_instance_serves_two_and_nothing_is_guessed(
    servers: list[tuple[str, Scope]],
    targets: list[tuple[str, Scope, bool, str]],
    manual: list[ManualPair],
    tolerance: int,
    seed: Any,
) -> None:
    all_servers = [server(n, name, scope=scope) for n, (name, scope) in enumerate(servers)]
    all_targets = [
        target(n, name, scope=scope, tags=TARGET_TAGS if tagged else {}, state=state)
        for n, (name, scope, tagged, state) in enumerate(targets)
    ]
    matching = Matching((".corp",), tuple(manual), tolerance)
    result = match_instances(all_servers, all_targets, matching)

    by_server = {s.source_server_id: s for s in all_servers}
    by_target = {t.instance_id: t for t in all_targets}
    paired = [pair.source_server_id for pair in result.pairs]
    used = [pair.instance_id for pair in result.pairs]
    assert len(set(used)) == len(used)
    assert sorted([*paired, *result.unmatched_servers]) == sorted(by_server)
    assert not set(used) & set(result.unmatched_targets)
    for pair in result.pairs:
        one, other = by_server[pair.source_server_id], by_target[pair.instance_id]
        assert one.scope == other.scope
        assert other.allows_launching_into
        assert other.state != "terminated"
        if pair.paired_by == NAME:
            name = normalize(one.name, (".corp",))
            assert name == normalize(other.name, (".corp",)) != ""
        else:
            assert pair.instance_id in {m.target_instance_id for m in manual}
    for proposal in result.proposals:
        assert proposal.source_server_id in result.unmatched_servers
        assert proposal.instance_id in result.unmatched_targets
        assert 0 < proposal.distance <= tolerance

    seed.shuffle(all_servers)
    seed.shuffle(all_targets)
    assert set(match_instances(all_servers, all_targets, matching).pairs) == set(result.pairs)
