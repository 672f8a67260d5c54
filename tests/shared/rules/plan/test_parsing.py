"""A plan document becomes a Plan, or everything that contradicts itself in it is named."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.plan import HealthCheck, ManualPair, Selector
from shared.model.policies import (
    Approval,
    DrillVolumes,
    FailbackPolicies,
    FailurePolicy,
    LaunchOrder,
    OnBlocked,
    OnReplicationTimeout,
    Policies,
    QuiesceAction,
    RecoveryInstanceDisposition,
    RecoveryMode,
    StopWorkload,
    WhenTargetRuns,
)
from shared.model.scope import Site
from shared.rules.plan.parsing import PlanInvalidError, parse_plan
from tests.makers import ORIGIN, RECOVERY, plan_document

A, B = "i-0123456789abcdef0", "i-0123456789abcdef1"


def refused(**changes: Any) -> dict[str, str]:
    with pytest.raises(PlanInvalidError) as caught:
        parse_plan(plan_document(**changes))
    for problem in caught.value.problems:
        assert f"- {problem}" in str(caught.value).splitlines()
    return {problem.path: f"{problem.message} {problem.remedy}" for problem in caught.value.problems}


def waves(*names_and_needs: str) -> list[dict[str, Any]]:
    """``waves("a", "b:a")``: a wave a, and b that depends on it."""
    split = [text.partition(":") for text in names_and_needs]
    return [
        {"name": name, "servers": {"names": [name]}, "dependsOn": [n for n in needs.split(",") if n]}
        for name, _, needs in split
    ]


def test_what_is_left_out_has_its_default() -> None:
    plan = parse_plan(plan_document())
    assert plan.sites == (Site("main", ORIGIN, RECOVERY),)
    assert plan.description == ""
    assert plan.policies == Policies()
    assert plan.wave("data").on_failure == FailurePolicy("STOP")
    assert plan.wave("data").selector == Selector(names=("db-*",))
    assert plan.wave("application").depends_on == ("data",)
    assert plan.matching.max_edit_distance == 0


def test_everything_a_plan_can_say_of_failbacks_and_drills_is_understood() -> None:
    failback = {
        "launchOrder": "BY_WAVE",
        "approval": "REQUIRED",
        "maxLagSeconds": 5,
        "replicationDeadlineSeconds": 3600,
        "onReplicationTimeout": "SKIP",
        "stopWorkload": "BEFORE_START",
        "quiesce": [
            {"document": "AWS-RunShellScript", "parameters": {"commands": ["sync"]}},
            {"document": "Stop-It", "timeoutSeconds": 60},
        ],
        "whenOriginalRuns": "BLOCK",
        "tagOriginals": True,
        "recoveryInstanceDisposition": "TERMINATE",
        "reprotectDeadlineSeconds": 7200,
    }
    policies = parse_plan(
        plan_document(policies={"failback": failback, "drill": {"volumes": "KEEP"}})
    ).policies
    assert policies.failback == FailbackPolicies(
        launch_order=LaunchOrder.BY_WAVE,
        approval=Approval.REQUIRED,
        max_lag_seconds=5,
        replication_deadline_seconds=3600,
        on_replication_timeout=OnReplicationTimeout.SKIP,
        stop_workload=StopWorkload.BEFORE_START,
        quiesce=(
            QuiesceAction("AWS-RunShellScript", {"commands": ("sync",)}),
            QuiesceAction("Stop-It", timeout_seconds=60),
        ),
        when_original_runs=WhenTargetRuns.BLOCK,
        tag_originals=True,
        recovery_instance_disposition=RecoveryInstanceDisposition.TERMINATE,
        reprotect_deadline_seconds=7200,
    )
    assert policies.drill.volumes is DrillVolumes.KEEP
    assert parse_plan(plan_document(policies={"failback": {}, "drill": {}})).policies == Policies()


def test_everything_a_plan_can_say_is_understood() -> None:
    plan = parse_plan(
        plan_document(
            description="ERP",
            protectionGroups={"databases": {"tags": {"tier": "db"}}},
            waves=[
                {
                    "name": "data",
                    "servers": {"protectionGroup": "databases", "sourceServerIds": ["s-0123456789abcdef0"]},
                    "onFailure": {"tolerate": 2},
                    "healthChecks": [
                        {"type": "TCP", "port": 5432, "host": "{name}"},
                        {"type": "HTTP", "url": "http://{privateIp}/up", "status": 204, "timeoutSeconds": 2},
                    ],
                },
                {"name": "web", "servers": {"names": ["w*"]}, "onFailure": {"tolerate": "2.5%"}},
                {"name": "rest", "servers": {"names": ["r*"]}, "onFailure": "CONTINUE"},
            ],
            matching={
                "domainSuffixes": [".corp.example.com"],
                "manualPairs": [{"sourceServerName": "db-1", "targetInstanceId": A}],
                "maxEditDistance": 2,
            },
            policies={
                "launchOrder": "BY_WAVE",
                "onBlocked": "CONTINUE",
                "recoveryMode": "FAST",
                "whenTargetRuns": "STOP",
                "approval": "REQUIRED",
                "approvers": 2,
                "retries": 0,
                "maxLagSeconds": 60,
                "launchTimeoutSeconds": 1200,
                "verifyTimeoutSeconds": 600,
            },
        )
    )
    assert plan.protection_groups == {"databases": Selector(tags={"tier": "db"})}
    assert plan.waves[0].selector.protection_group == "databases"
    assert plan.waves[0].on_failure == FailurePolicy("TOLERATE", tolerate_count=2)
    assert plan.waves[1].on_failure == FailurePolicy("TOLERATE", tolerate_percent=2.5)
    assert plan.waves[2].on_failure == FailurePolicy("CONTINUE")
    assert plan.waves[0].health_checks == (
        HealthCheck("TCP", port=5432, host="{name}"),
        HealthCheck("HTTP", url="http://{privateIp}/up", status=204, timeout_seconds=2.0),
    )
    assert plan.matching.manual_pairs == (ManualPair(A, source_server_name="db-1"),)
    assert plan.policies == Policies(
        LaunchOrder.BY_WAVE,
        OnBlocked.CONTINUE,
        RecoveryMode.FAST,
        WhenTargetRuns.STOP,
        Approval.REQUIRED,
        2,
        0,
        60,
        1200,
        600,
    )


def test_a_violation_of_the_schema_is_refused_with_every_problem() -> None:
    assert set(refused(name="a b", sites=[])) == {"name", "sites"}


def test_two_waves_of_one_name() -> None:
    assert "waves[0]" in refused(waves=waves("a", "a"))["waves[1].name"]


def test_two_sites_of_one_name_and_of_the_same_scopes() -> None:
    site = plan_document()["sites"][0]
    problems = refused(sites=[site, site])
    assert set(problems) == {"sites[1].name", "sites[1]"}


def test_a_site_that_recovers_onto_itself() -> None:
    scope = {"account": "111122223333", "region": "us-east-1"}
    site = {"name": "main", "origin": scope, "recovery": scope}
    assert "another Region" in refused(sites=[site])["sites[0].recovery"]


def test_a_dependency_that_is_no_wave_gets_a_guess() -> None:
    problems = refused(waves=waves("data", "web:dta", "rest:zzz"))
    assert "Write 'data'" in problems["waves[1].dependsOn[0]"]
    assert "Known: data, web, rest" in problems["waves[2].dependsOn[0]"]


@pytest.mark.parametrize(
    ("graph", "path"),
    [
        (("a:a",), "a → a"),
        (("a:b", "b:a"), "a → b → a"),
        (("x", "a:x,c", "b:a", "c:b"), "a → c → b → a"),
    ],
)
def test_a_cycle_is_named_as_the_path_that_closes_it(graph: tuple[str, ...], path: str) -> None:
    problems = refused(waves=waves(*graph))
    assert any(f": {path}." in text for text in problems.values())


def test_an_unknown_protection_group() -> None:
    groups = {"databases": {"names": ["db-*"]}}
    wave = {"name": "a", "servers": {"protectionGroup": "database"}}
    problems = refused(protectionGroups=groups, waves=[wave])
    assert "'databases'" in problems["waves[0].servers.protectionGroup"]
    assert "Known: none" in refused(waves=[wave])["waves[0].servers.protectionGroup"]


def test_a_word_in_braces_that_nothing_fills_in() -> None:
    wave = waves("a")[0] | {"healthChecks": [{"type": "HTTP", "url": "http://{private_ip}/"}]}
    assert "'privateIp'" in refused(waves=[wave])["waves[0].healthChecks[0].url"]


@pytest.mark.parametrize(
    ("second", "path"),
    [
        ({"sourceServerName": "DB-1", "targetInstanceId": B}, "sourceServerName"),
        ({"sourceServerName": "db-2", "targetInstanceId": A}, "targetInstanceId"),
    ],
)
def test_a_manual_pair_that_takes_what_another_has(second: dict[str, str], path: str) -> None:
    pairs = [{"sourceServerName": "db-1", "targetInstanceId": A}, second]
    assert list(refused(matching={"manualPairs": pairs})) == [f"matching.manualPairs[1].{path}"]


@given(edges=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12, unique=True))
def test_a_plan_is_taken_exactly_if_its_waves_can_be_put_in_an_order(edges: list[tuple[int, int]]) -> None:
    needs = {wave: {needed for of, needed in edges if of == wave} for wave in range(6)}
    left = set(needs)
    while ready := {wave for wave in left if not needs[wave] & left}:
        left -= ready
    document = plan_document(
        waves=waves(*(f"w{wave}:{','.join(f'w{n}' for n in needs[wave])}" for wave in needs))
    )
    if not left:
        assert len(parse_plan(document).waves) == 6
        return
    with pytest.raises(PlanInvalidError, match="wait for each other"):
        parse_plan(document)
