"""The commands as a newcomer types them, in a copy of the project, so that they can run beside others."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local_cloud.newcomer import begin, copy_project, endpoint_of

END_SECONDS = 120
"""No measure: a loaded machine takes long to end a process, and one that does not end never does."""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What git has of the project, as far as the commands need it."""
    return copy_project(tmp_path_factory.mktemp("clone"))


@pytest.fixture
def up(clone: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """``up`` with three servers in it: the process and its endpoint."""
    process = begin(clone, "up", "--fleet", "fleets/three.yaml")
    yield process, endpoint_of(process)
    process.kill()
    process.communicate()


def said(clone: Path, *words: str) -> tuple[int, str]:
    process = begin(clone, *words)
    output, _ = process.communicate(timeout=400)
    return process.returncode, output


def answers(endpoint: str) -> bool:
    host, port = endpoint.removeprefix("http://").split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def test_ctrl_c_ends_the_cloud_and_leaves_nothing(clone: Path, up: tuple[subprocess.Popen[str], str]) -> None:
    process, endpoint = up
    assert answers(endpoint)

    process.send_signal(signal.SIGINT)

    output, _ = process.communicate(timeout=END_SECONDS)
    assert process.returncode == 0, output
    assert not answers(endpoint)
    assert not (clone / ".local" / "state.json").exists()
    # sam build copies these folders while other processes of the demo import from them.
    for copied in ("shared", "functions"):
        assert not list((clone / copied).rglob("__pycache__"))


def test_other_terminals_find_the_cloud_that_is_up_and_can_end_it(
    clone: Path, up: tuple[subprocess.Popen[str], str]
) -> None:
    process, endpoint = up

    again = said(clone, "up")
    twice = said(clone, "fleet", "three")
    early = said(clone, "start", "three")
    down = said(clone, "down")

    assert again[0] == twice[0] == early[0] == 1
    assert f"A local cloud is up in this clone already, at {endpoint}." in again[1]
    assert "has a server app-01 already" in twice[1]
    assert "Run: python -m local deploy" in early[1]
    assert down == (0, f"The local cloud at {endpoint} has ended.\n")
    process.communicate(timeout=END_SECONDS)
    assert not answers(endpoint)
    assert said(clone, "down") == (0, "No local cloud is up in this clone.\n")


def test_a_step_that_fails_names_its_log(clone: Path) -> None:
    template = clone / "template.yaml"
    whole = template.read_text(encoding="utf-8")
    template.write_text("Resources: [", encoding="utf-8")
    try:
        status, output = said(clone, "up", "--deploy")
    finally:
        template.write_text(whole, encoding="utf-8")

    assert status == 1
    assert "sam build … failed" in output
    assert "Read .local/logs/sam-build.log" in output


def test_the_demo_sends_three_servers_away_and_fails_them_back_and_proves_it(clone: Path) -> None:
    status, output = said(clone, "demo", "--fleet", "fleets/three.yaml", "--speed", "240")

    assert status == 0, output
    assert "3 of 3 servers moved, 3 had to" in output
    assert "3 identical instance ids, 3 identical private addresses" in output
    assert re.search(r"with BY_WAVE the same plan takes \d+m\d\ds \(COMPLETED\)", output)
    report = json.loads((clone / "out" / "failover-report.json").read_text(encoding="utf-8"))
    assert {key: count for key, count in report["totals"].items() if count} == {"servers": 3, "recovered": 3}
    assert (clone / "out" / "failover-report.md").read_text(encoding="utf-8").startswith("# ")
    assert "3 of 3 servers failed back, 3 had to" in output
    failback = json.loads((clone / "out" / "failback-report.json").read_text(encoding="utf-8"))
    assert (failback["mode"], failback["status"]) == ("FAILBACK", "COMPLETED")
    for part in ("reverseReplicationSeconds", "cutoverSeconds", "reprotectSeconds"):
        assert failback[part] > 0
    journey = json.loads((clone / "out" / "round-trip.json").read_text(encoding="utf-8"))["servers"]
    assert [server["same"] for server in journey] == [True, True, True]
    assert all(server["start"] == server["back"] != server["away"] for server in journey)
    assert not (clone / ".local" / "state.json").exists()
