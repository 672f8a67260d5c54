"""A fleet file that cannot be used is refused with file, line, place and remedy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from local.fleet import FleetFileError, load

GOOD = """\
name: small
sites:
  - name: east
    origin: { account: "111122223333", region: us-east-1, subnets: { one: 10.1.0.0/28 } }
    recovery: { account: "444455556666", region: us-east-2, subnets: { one: 10.2.0.0/28 } }
servers:
  - name: db-{n}
    count: 3
    wave: data
waves:
  - name: data
"""


def refusal(tmp_path: Path, text: str) -> FleetFileError:
    file = tmp_path / "fleet.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(FleetFileError) as caught:
        load(file)
    return caught.value


def test_the_file_that_the_refusals_start_from_is_good(tmp_path: Path) -> None:
    file = tmp_path / "fleet.yaml"
    file.write_text(GOOD, encoding="utf-8")

    assert load(file).name == "small"


@pytest.mark.parametrize(
    ("old", "new", "line", "path", "remedy"),
    [
        ("count: 3", "cuont: 3", 8, "servers[0].cuont", "'count'"),
        ("wave: data", "wave: dat", 9, "servers[0].wave", "'data'"),
        ('"111122223333"', "111122223333", 4, "sites[0].origin.account", 'quotes: "111122223333"'),
        ("us-east-2", "us-east", 5, "sites[0].recovery.region", "us-east-1"),
        ("10.2.0.0/28", "10.0.0.0/8", 5, "sites[0].recovery.subnets.one", "/16 to /28"),
        ("10.2.0.0/28", "10.2.0.1/28", 5, "sites[0].recovery.subnets.one", "first address"),
        ("count: 3", "count: 12", 4, "sites[0].origin.subnets.one", "wider range"),
        ("db-{n}", "db", 7, "servers[0].name", "db-{n:03}"),
        ("wave: data", "wave: data\n    site: eas", 10, "servers[0].site", "'east'"),
        ("wave: data", "wave: data\n    subnet: onne", 10, "servers[0].subnet", "'one'"),
        (
            "wave: data",
            "wave: data\n    issue: [{kind: lagg}]",
            10,
            "servers[0].issue[0].kind",
            "Write lag",
        ),
        (
            "wave: data",
            "wave: data\n    issue: [{kind: lag}]",
            10,
            "servers[0].issue[0].seconds",
            "Add it",
        ),
        (
            "wave: data",
            "wave: data\n    issue: [{kind: busy, servers: [db-4]}]",
            10,
            "servers[0].issue[0].servers[0]",
            "db-",
        ),
        (
            "wave: data",
            "wave: data\n    platform: windows\n    architecture: arm64",
            11,
            "servers[0].architecture",
            "x86_64",
        ),
        ("- name: data", "- name: data\n    dependsOn: [data]", 12, "waves[0].dependsOn[0]", "Leave it out"),
        ("- name: data", "- name: data\n    dependsOn: [web]", 12, "waves[0].dependsOn[0]", "data"),
        ("- name: data", "- name: data\n    onFailure: STOPP", 12, "waves[0].onFailure", "STOP"),
        (
            "- name: data",
            "- name: data\npolicies: { onBloked: STOP }",
            12,
            "policies.onBloked",
            "'onBlocked'",
        ),
        ("- name: data", "- name: data\n  - name: web", 12, "waves[1]", "leave the wave out"),
    ],
)
def test_a_mistake_is_named_with_its_line_its_place_and_the_remedy(
    tmp_path: Path, old: str, new: str, line: int, path: str, remedy: str
) -> None:
    error = refusal(tmp_path, GOOD.replace(old, new))

    assert [(problem.line, problem.path) for problem in error.problems][:1] == [(line, path)]
    assert remedy in error.problems[0].remedy
    assert str(error).startswith(f"{tmp_path / 'fleet.yaml'}:{line}: {path}: ")


def test_waves_that_wait_for_each_other_are_refused(tmp_path: Path) -> None:
    text = GOOD.replace(
        "- name: data", "- { name: data, dependsOn: [web] }\n  - { name: web, dependsOn: [data] }"
    )
    text = text.replace("waves:", "  - { name: web, wave: web }\nwaves:")

    assert "wait for each other" in str(refusal(tmp_path, text))


def test_two_groups_cannot_share_a_server_name(tmp_path: Path) -> None:
    text = GOOD.replace("waves:", "  - { name: db-2, wave: data }\nwaves:")

    assert "has a server 'db-2' already" in str(refusal(tmp_path, text))


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    error = refusal(tmp_path, GOOD.replace("name: small", "nam: small").replace("count: 3", "cuont: 3"))

    lines = [problem.line for problem in error.problems]
    assert len(lines) == 3  # an unknown key, the missing name, another unknown key
    assert lines == sorted(lines, key=lambda line: line or 0)


def test_yaml_that_does_not_parse_is_refused_with_the_line(tmp_path: Path) -> None:
    error = refusal(tmp_path, GOOD.replace("count: 3", "count: [3"))

    assert re.search(r"fleet\.yaml:9: not valid YAML: ", str(error))


def test_a_key_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path, GOOD.replace("count: 3", "count: 3\n    count: 4"))

    assert "the key 'count' is here twice, first on line 8" in str(error)


@pytest.mark.parametrize("text", ["", "just words", "- a\n- list"])
def test_a_file_that_is_no_fleet_at_all_is_refused(tmp_path: Path, text: str) -> None:
    assert len(refusal(tmp_path, text).problems) == 1


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FleetFileError, match=r"missing\.yaml: No such file"):
        load(tmp_path / "missing.yaml")


def test_subnets_that_have_no_addresses_for_the_staging_area_are_refused(tmp_path: Path) -> None:
    text = GOOD.replace("10.2.0.0/28", "10.2.0.0/16")

    error = refusal(tmp_path, text)

    assert [problem.path for problem in error.problems] == ["sites[0].recovery.subnets"]
    assert "no addresses are left for the staging subnet of DRS" in str(error)


@pytest.mark.parametrize("kind", ["notConverging", "replicationStalls, error: AGENT_NOT_SEEN"])
def test_a_failback_that_could_never_end_is_refused(tmp_path: Path, kind: str) -> None:
    endless = GOOD.replace("count: 3", f"count: 3\n    issue: [{{ kind: {kind} }}]")

    [problem] = refusal(tmp_path, endless).problems

    assert problem.path == "servers[0].issue[0]"
    assert "policies.failback.onReplicationTimeout" in problem.remedy
