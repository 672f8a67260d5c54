"""What a fleet file is made into, and the files that come with the project."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.fleet import (
    Fleet,
    IssueKind,
    expected_failback,
    expected_outcomes,
    load,
    plan_document,
)
from shared.model.scope import Scope
from shared.model.status import ServerStatus
from shared.rules.plan.contracts import problems

ROOT = Path(__file__).parents[3]
FLEETS = sorted((ROOT / "fleets").glob("*.yaml"))

SMALL: dict[str, Any] = {
    "name": "small",
    "sites": [
        {
            "name": "east",
            "origin": {
                "account": "111122223333",
                "region": "us-east-1",
                "subnets": {"one": "10.1.0.0/24", "two": "10.1.1.0/24"},
            },
            "recovery": {
                "account": "444455556666",
                "region": "us-east-2",
                "subnets": {"one": "10.2.0.0/24", "two": "10.2.1.0/24"},
            },
        }
    ],
    "servers": [{"name": "db-{n:03}", "count": 3, "wave": "data"}],
    "waves": [{"name": "data"}],
}


def small(tmp_path: Path, **changes: Any) -> Fleet:
    file = tmp_path / "fleet.yaml"
    file.write_text(yaml.safe_dump({**SMALL, **changes}), encoding="utf-8")
    return load(file)


@pytest.mark.parametrize("file", FLEETS, ids=lambda file: file.stem)
def test_every_fleet_of_the_project_loads_and_makes_a_valid_plan(file: Path) -> None:
    fleet = load(file)

    assert problems(plan_document(fleet), "plan") == ()
    assert {server.wave for server in fleet.servers} == {wave.name for wave in fleet.waves}


def test_the_example_of_the_documentation_loads(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "fleets.md").read_text(encoding="utf-8")
    example = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert example
    file = tmp_path / "example.yaml"
    file.write_text(example[1], encoding="utf-8")

    fleet = load(file)

    assert [server.name for server in fleet.servers][:4] == ["db-01", "db-02", "db-03", "directory"]


def test_the_default_fleet_is_a_hundred_servers_in_a_chain_of_five_waves() -> None:
    fleet = load(ROOT / "fleets" / "default.yaml")

    assert len(fleet.servers) == 100
    assert fleet.orchestration == Scope("999988887777", "us-east-1")
    assert fleet.member_scopes == (Scope("111122223333", "us-east-1"), Scope("444455556666", "us-east-2"))
    assert [(wave.name, wave.depends_on) for wave in fleet.waves] == [
        ("data", ()),
        ("identity", ("data",)),
        ("application", ("identity",)),
        ("jobs", ("application",)),
        ("web", ("jobs",)),
    ]
    assert set(expected_outcomes(fleet).values()) == {ServerStatus.RECOVERED}


def test_the_issue_fleet_has_every_kind_of_issue() -> None:
    fleet = load(ROOT / "fleets" / "trouble.yaml")

    assert {issue.kind for server in fleet.servers for issue in server.issues} == set(IssueKind)


def test_a_group_becomes_numbered_servers_with_defaults_and_tags(tmp_path: Path) -> None:
    servers = small(tmp_path).servers

    assert [server.name for server in servers] == ["db-001", "db-002", "db-003"]
    first = servers[0]
    assert (first.platform, first.architecture, first.boot_mode) == ("linux", "x86_64", "legacy-bios")
    assert (first.instance_type, first.disks_gib, first.subnet) == ("m6i.large", (8,), "one")
    assert first.tags == {
        "Name": "db-001",
        "dr:enabled": "true",
        "dr:recovery-strategy": "drs",
        "dr:wave": "data",
    }
    [target] = first.targets
    assert (target.name, target.tagged, target.running, target.starts) == ("db-001", True, False, True)


def test_issue_hits_only_the_servers_it_names(tmp_path: Path) -> None:
    issue = [{"kind": "noTarget", "servers": ["db-002"]}]
    group = {"name": "db-{n:03}", "count": 3, "wave": "data", "issue": issue}

    fleet = small(tmp_path, servers=[group])

    assert [len(server.targets) for server in fleet.servers] == [1, 0, 1]


@pytest.mark.parametrize(
    ("issue", "attribute", "value"),
    [
        ({"kind": "targetRunning"}, "running", True),
        ({"kind": "targetUntagged"}, "tagged", False),
        ({"kind": "targetDoesNotStart"}, "starts", False),
        ({"kind": "targetArchitecture"}, "architecture", "arm64"),
        ({"kind": "similarName", "target": "{name}x"}, "name", "db-001x"),
    ],
)
def test_issue_of_a_target_shows_in_the_target(
    tmp_path: Path, issue: dict[str, Any], attribute: str, value: object
) -> None:
    group = {"name": "db-{n:03}", "wave": "data", "issue": [issue]}

    [server] = small(tmp_path, servers=[group]).servers

    assert [getattr(target, attribute) for target in server.targets] == [value]


def outcomes(tmp_path: Path, issue: dict[str, Any], **changes: Any) -> list[str]:
    servers = [
        {"name": "a-{n}", "count": 2, "wave": "first", "issue": [{"servers": ["a-1"], **issue}]},
        {"name": "b", "wave": "second"},
    ]
    waves = [{"name": "first"}, {"name": "second", "dependsOn": ["first"]}]
    fleet = small(tmp_path, **{"servers": servers, "waves": waves, **changes})
    return [status.value for status in expected_outcomes(fleet).values()]


def test_nothing_moves_when_the_policy_stops_at_a_blocked_server(tmp_path: Path) -> None:
    assert outcomes(tmp_path, {"kind": "noTarget"}) == ["BLOCKED", "SKIPPED", "SKIPPED"]


def test_the_healthy_move_when_the_policy_goes_on_without_the_blocked(tmp_path: Path) -> None:
    found = outcomes(tmp_path, {"kind": "noTarget"}, policies={"onBlocked": "CONTINUE"})

    assert found == ["BLOCKED", "RECOVERED", "RECOVERED"]


def test_a_wave_that_stops_keeps_back_those_that_depend_on_it(tmp_path: Path) -> None:
    assert outcomes(tmp_path, {"kind": "conversionFails"}) == ["FAILED", "RECOVERED", "SKIPPED"]


@pytest.mark.parametrize(("tolerate", "last"), [(1, "RECOVERED"), ("50%", "RECOVERED"), ("49%", "SKIPPED")])
def test_a_wave_that_tolerates_failures_lets_others_go_on(
    tmp_path: Path, tolerate: int | str, last: str
) -> None:
    waves = [
        {"name": "first", "onFailure": {"tolerate": tolerate}},
        {"name": "second", "dependsOn": ["first"]},
    ]

    assert outcomes(tmp_path, {"kind": "targetDoesNotStart"}, waves=waves)[-1] == last


@pytest.mark.parametrize(("times", "first"), [(1, "RECOVERED"), (2, "FAILED")])
def test_a_conversion_that_fails_no_more_often_than_it_is_retried_ends_well(
    tmp_path: Path, times: int, first: str
) -> None:
    found = outcomes(tmp_path, {"kind": "conversionFails", "times": times}, policies={"retries": 1})

    assert found[0] == first


@pytest.mark.parametrize(
    ("state", "first"), [("DISCONNECTED", "BLOCKED"), ("INITIAL_SYNC", "BLOCKED"), ("STALLED", "RECOVERED")]
)
def test_a_server_moves_as_long_as_there_is_a_copy_to_launch_from(
    tmp_path: Path, state: str, first: str
) -> None:
    assert outcomes(tmp_path, {"kind": "notReplicating", "state": state})[0] == first


@pytest.mark.parametrize(("lag", "first"), [(3600, "RECOVERED"), (3601, "BLOCKED")])
def test_lag_blocks_beyond_the_limit_of_the_plan(tmp_path: Path, lag: int, first: str) -> None:
    assert outcomes(tmp_path, {"kind": "lag", "seconds": lag})[0] == first


def test_a_running_target_is_no_obstacle_where_the_plan_says_to_stop_it(tmp_path: Path) -> None:
    found = outcomes(tmp_path, {"kind": "targetRunning"}, policies={"whenTargetRuns": "STOP"})

    assert found == ["RECOVERED"] * 3


def homecomings(tmp_path: Path, issue: dict[str, Any], **changes: Any) -> dict[str, str]:
    servers = [
        {"name": "a-{n}", "count": 2, "wave": "first", "issue": [{"servers": ["a-1"], **issue}]},
        {"name": "b", "wave": "second"},
    ]
    waves = [{"name": "first"}, {"name": "second", "dependsOn": ["first"]}]
    fleet = small(tmp_path, **{"servers": servers, "waves": waves, **changes})
    return {name: status.value for name, status in expected_failback(fleet).items()}


_LEAVE = {"failback": {"onReplicationTimeout": "SKIP"}}


@pytest.mark.parametrize(
    ("issue", "policies", "outcome"),
    [
        ({"kind": "originalUntagged"}, {}, ("BLOCKED", "SKIPPED", "SKIPPED")),
        ({"kind": "originalUntagged"}, {"onBlocked": "CONTINUE"}, ("BLOCKED", "RECOVERED", "RECOVERED")),
        ({"kind": "originalUntagged"}, {"failback": {"tagOriginals": True}}, ("RECOVERED",) * 3),
        ({"kind": "egressClosed"}, {"onBlocked": "CONTINUE"}, ("BLOCKED", "RECOVERED", "RECOVERED")),
        ({"kind": "noProfile"}, {"onBlocked": "CONTINUE"}, ("BLOCKED", "RECOVERED", "RECOVERED")),
        ({"kind": "agentNeverChecksIn"}, {}, ("FAILED", "RECOVERED", "SKIPPED")),
        ({"kind": "wrongStagingAccount"}, {}, ("FAILED", "RECOVERED", "SKIPPED")),
        ({"kind": "notConverging"}, _LEAVE, ("FAILED", "RECOVERED", "SKIPPED")),
        (
            {"kind": "replicationStalls", "error": "AGENT_NOT_SEEN"},
            {"failback": {"onReplicationTimeout": "STOP"}},
            ("FAILED", "SKIPPED", "SKIPPED"),
        ),
        ({"kind": "replicationStalls", "error": "AGENT_NOT_SEEN", "seconds": 60}, {}, ("RECOVERED",) * 3),
        ({"kind": "lag", "seconds": 60}, {}, ("RECOVERED",) * 3),
    ],
)
def test_a_failback_has_the_outcome_that_its_issue_and_policies_make(
    tmp_path: Path, issue: dict[str, Any], policies: dict[str, Any], outcome: tuple[str, ...]
) -> None:
    assert tuple(homecomings(tmp_path, issue, policies=policies).values()) == outcome


def test_a_failback_is_of_the_servers_that_the_failover_recovered(tmp_path: Path) -> None:
    found = homecomings(tmp_path, {"kind": "noTarget"}, policies={"onBlocked": "CONTINUE"})

    assert found == {"a-2": "RECOVERED", "b": "RECOVERED"}


def test_the_failback_passes_its_policies_to_the_plan(tmp_path: Path) -> None:
    policies = {"failback": {"launchOrder": "BY_WAVE"}, "drill": {"volumes": "KEEP"}}

    assert plan_document(small(tmp_path, policies=policies))["policies"] == policies
