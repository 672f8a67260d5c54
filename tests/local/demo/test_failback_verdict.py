"""The demo's verdict on a failback: what EC2, DRS and the pairs show decides, whatever the report claims."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from local.cli.state import BuiltFleet
from local.demo.console_lines import failback_times
from local.demo.failback_verdict import Journey, judge_failback
from local.demo.observed_state import Evidence, Replica, Sighting
from local.demo.results import round_folder, start_over
from local.demo.round_trip import Traveller, keep, table, travellers
from local.demo.verdict import Verdict
from local.fleet import BuiltServer, Fleet, load
from shared.model.pair import PairRecord
from shared.model.scope import Scope

ROOT = Path(__file__).parents[3]
ORIGIN, RECOVERY = Scope("111122223333", "us-east-1"), Scope("444455556666", "us-east-2")
NUMBERS = (1, 2, 3, 4)


def sighting(instance: str, state: str, *volumes: str) -> Sighting:
    return Sighting(instance, state, f"10.0.0.{instance[-1]}", frozenset(volumes))


class Scene:
    """Of four servers a-1 and a-2 fail over and back; the agent of a-3 stays silent; a-4 never goes."""

    def __init__(self, tmp_path: Path) -> None:
        content = yaml.safe_load((ROOT / "fleets" / "three.yaml").read_text(encoding="utf-8"))
        issue = [
            {"kind": "agentNeverChecksIn", "servers": ["a-3"]},
            {"kind": "targetUntagged", "servers": ["a-4"]},
        ]
        content["servers"] = [{"name": "a-{n}", "count": 4, "wave": "all", "issue": issue}]
        content["policies"] = {"onBlocked": "CONTINUE"}
        file = tmp_path / "fleet.yaml"
        file.write_text(yaml.safe_dump(content), encoding="utf-8")
        self.fleet: Fleet = load(file)
        self.built = BuiltFleet(
            "fleet.yaml",
            "three",
            tuple(BuiltServer(f"a-{n}", f"s-{n}", f"i-o{n}", (f"i-t{n}",)) for n in NUMBERS),
        )
        originals = {f"i-o{n}": sighting(f"i-o{n}", "running", f"vol-o{n}") for n in NUMBERS}
        targets = {f"i-t{n}": sighting(f"i-t{n}", "stopped", f"vol-t{n}") for n in NUMBERS}
        replicas = {
            f"s-{n}": Replica(f"s-{n}", RECOVERY, "FAILOVER", "CONTINUOUS", f"i-o{n}") for n in NUMBERS
        }
        self.start = Evidence({**originals, **targets}, {}, replicas)
        moved = {f"i-t{n}": sighting(f"i-t{n}", "running", f"vol-new{n}") for n in (1, 2, 3)}
        self.away = Evidence(
            {**self.start.instances, **moved}, {f"s-{n}": f"i-t{n}" for n in (1, 2, 3)}, replicas
        )
        back = {f"i-o{n}": sighting(f"i-o{n}", "running", f"vol-back{n}") for n in (1, 2)}
        rest = {f"i-t{n}": sighting(f"i-t{n}", "stopped", f"vol-new{n}") for n in (1, 2)}
        self.back = Evidence({**self.away.instances, **back, **rest}, {"s-3": "i-t3"}, replicas)
        self.pairs = {
            f"s-{n}": PairRecord(
                source_server_id=f"s-{n}",
                name=f"a-{n}",
                scope=RECOVERY,
                pair_instance_id=f"i-t{n}",
                original_instance_id=f"i-o{n}",
                private_ip=None,
                original_private_ip=None,
                staging_account=None,
                workload_side="RECOVERY" if n == 3 else "ORIGIN",
            )
            for n in (1, 2, 3)
        }
        done = {"status": "RECOVERED", "verifiedAt": "now", "reason": None, "remedy": None}
        silent = {"status": "FAILED", "verifiedAt": None, "reason": "silent", "remedy": "look at it"}
        self.report: dict[str, Any] = {
            "servers": [{"name": "a-1", **done}, {"name": "a-2", **done}, {"name": "a-3", **silent}]
        }

    @property
    def journey(self) -> Journey:
        return Journey(self.start, self.away, self.back)

    def instance(self, instance_id: str, **values: Any) -> None:
        changed = replace(self.back.instances[instance_id], **values)
        self.back = replace(self.back, instances={**self.back.instances, instance_id: changed})

    def replica(self, server_id: str, replica: Replica | None) -> None:
        replicas = {key: value for key, value in self.back.replicas.items() if key != server_id}
        self.back = replace(self.back, replicas={**replicas, **({server_id: replica} if replica else {})})

    def recovered(self, server_id: str, instance_id: str) -> None:
        self.back = replace(self.back, recovered_into={**self.back.recovered_into, server_id: instance_id})

    def verdict(self) -> Verdict:
        return judge_failback(self.fleet, self.built, self.journey, self.pairs, self.report)

    def travellers(self) -> tuple[Traveller, ...]:
        return travellers(self.fleet, self.built, self.journey)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_all_is_good_when_the_healthy_failed_back_and_the_others_run_where_they_were(
    scene: Scene,
) -> None:
    verdict = scene.verdict()

    assert verdict.problems == ()
    assert (verdict.servers, verdict.expected, verdict.moved) == (4, 2, 2)
    assert (verdict.same_instance, verdict.same_address) == (2, 2)


@pytest.mark.parametrize(
    ("instance", "values", "problem"),
    [
        ("i-o1", {"state": "stopped"}, "a-1 did not fail back: its original is stopped"),
        ("i-o1", {"volumes": frozenset({"vol-o1"})}, "a-1 did not fail back: its original is running"),
        ("i-o2", {"private_ip": "10.9.9.9"}, "a-2 does not have the private address of the start"),
        ("i-t1", {"state": "running"}, "a-1: its target i-t1 is running, not stopped"),
        ("i-t2", {"tagged": False}, "a-2: its target i-t2 has lost its tag"),
        ("i-t3", {"state": "stopped"}, "a-3 could not fail back, and its target is stopped"),
        ("i-o3", {"state": "terminated"}, "a-3: its original i-o3 no longer exists"),
        ("i-o3", {"volumes": frozenset({"vol-x"})}, "a-3 runs in its original as well"),
        ("i-o4", {"state": "stopped"}, "a-4 was not away, but its instance i-o4 was touched"),
    ],
)
def test_an_instance_that_is_not_as_it_must_be_is_found(
    scene: Scene, instance: str, values: dict[str, Any], problem: str
) -> None:
    scene.instance(instance, **values)

    assert scene.verdict().problems == (problem,)


@pytest.mark.parametrize(
    ("replica", "problem"),
    [
        (None, "a-1 is not protected: its source server does not exist"),
        (
            Replica("s-1", RECOVERY, "FAILOVER", "RESCAN", "i-o1"),
            "a-1 is not protected: replication is FAILOVER RESCAN",
        ),
        (
            Replica("s-1", RECOVERY, "FAILBACK", "CONTINUOUS", "i-t3"),
            "a-1 is not protected: replication is FAILBACK CONTINUOUS",
        ),
    ],
)
def test_a_server_that_failed_back_but_not_protected_is_found(
    scene: Scene, replica: Replica | None, problem: str
) -> None:
    scene.replica("s-1", replica)

    assert problem in scene.verdict().problems


def test_a_reversed_server_is_left_only_where_its_workload_is_still_away(scene: Scene) -> None:
    scene.replica("s-back3", Replica("s-back3", ORIGIN, "FAILBACK", "INITIAL_SYNC", "i-t3"))
    assert scene.verdict().good

    scene.replica("s-back1", Replica("s-back1", ORIGIN, "FAILBACK", "STOPPED", "i-t1"))
    assert scene.verdict().problems == (
        "the reversed server s-back1 in 111122223333/us-east-1 is left (STOPPED)",
    )


def test_recovery_instances_that_are_left_are_found_on_either_side(scene: Scene) -> None:
    scene.recovered("s-other", "i-o2")

    assert scene.verdict().problems == ("the recovery instance i-o2 of s-other is left",)

    scene.recovered("s-1", "i-t1")
    assert "a-1 still has the recovery instance i-t1" in scene.verdict().problems


@pytest.mark.parametrize(
    "change", [{"workload_side": "RECOVERY"}, {"pair_instance_id": "i-t2"}, {"original_instance_id": None}]
)
def test_a_pair_that_is_not_as_before_is_found(scene: Scene, change: dict[str, Any]) -> None:
    scene.pairs["s-1"] = replace(scene.pairs["s-1"], **change)

    [problem] = scene.verdict().problems
    assert problem.startswith("a-1: its pair is recorded as (")


def test_an_instance_that_no_step_asked_for_is_found_on_either_side(scene: Scene) -> None:
    stranger = Sighting("i-new", "running", None, frozenset())
    scene.back = replace(scene.back, instances={**scene.back.instances, "i-new": stranger})

    [problem] = scene.verdict().problems
    assert problem.startswith("instance i-new is new")


def test_a_report_that_says_otherwise_is_found(scene: Scene) -> None:
    scene.report["servers"][0] = {**scene.report["servers"][0], "status": "FAILED", "reason": "bad luck"}
    scene.report["servers"][2]["remedy"] = None

    assert scene.verdict().problems == (
        "a-1 is FAILED in the report: bad luck",
        "a-3 is FAILED in the report without reason and remedy",
    )


def test_each_server_is_shown_at_each_station_as_drs_and_ec2_show_it(scene: Scene) -> None:
    first, _, third, fourth = scene.travellers()

    assert [str(station) for station in (first.start, first.away, first.back)] == [
        "i-o1 10.0.0.1",
        "i-t1 10.0.0.1",
        "i-o1 10.0.0.1",
    ]
    assert first.same
    assert fourth.same
    assert str(third.back) == "i-t3 10.0.0.3"
    assert not third.same


def text_of(servers: tuple[Traveller, ...], width: int = 140) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(table(servers))
    return console.export_text()


def test_a_small_fleet_is_shown_as_a_whole_and_no_id_is_cut_in_a_narrow_terminal(scene: Scene) -> None:
    assert all(f"a-{n}" in text_of(scene.travellers()) for n in NUMBERS)

    ids = ("i-0123456789abcdef0", "i-0fedcba9876543210")
    one = scene.travellers()[0]
    start, away = (replace(one.start, instance_id=name) for name in ids)
    narrow = text_of((replace(one, start=start, away=away, back=start),), width=80)
    assert narrow.count(ids[0]) == 2
    assert narrow.count(ids[1]) == 1


def test_of_a_large_fleet_some_of_each_wave_are_shown_and_all_that_are_not_the_same(scene: Scene) -> None:
    one, strayed = scene.travellers()[0], scene.travellers()[2]
    many = tuple(replace(one, name=f"n-{number:03}") for number in range(230))
    text = text_of((*many, replace(strayed, name="lost")))

    assert "n-001" in text
    assert "n-002" not in text
    assert "228 more of all" in text
    assert re.search(r"lost .* NO\b", text)


def test_the_files_have_every_server(scene: Scene, tmp_path: Path) -> None:
    keep(scene.travellers(), tmp_path)

    document = json.loads((tmp_path / "round-trip.json").read_text(encoding="utf-8"))
    assert [(server["name"], server["same"]) for server in document["servers"]] == [
        ("a-1", True),
        ("a-2", True),
        ("a-3", False),
        ("a-4", True),
    ]
    assert document["servers"][0]["away"] == {
        "instanceId": "i-t1",
        "privateIp": "10.0.0.1",
        "state": "running",
    }
    page = (tmp_path / "round-trip.md").read_text(encoding="utf-8")
    assert "3 of 4 servers" in page
    assert "| a-3 | all | i-o3 10.0.0.3 | i-t3 10.0.0.3 | i-t3 10.0.0.3 | **no** |" in page


def test_the_parts_of_a_failback_are_shown_and_an_unknown_one_is_called_so() -> None:
    report = {"durationSeconds": 7200, "reverseReplicationSeconds": 2100, "cutoverSeconds": None}

    assert failback_times(report, 65.0) == [
        "failback: 2h00m00s simulated, 1m05s here",
        "  reverse replication: 35m00s",
        "  cutover, the outage: unknown",
        "  protected again after: unknown",
    ]


def test_the_last_round_keeps_the_plain_names_and_nothing_of_an_earlier_demo_is_left(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert round_folder(1, 1, out) == out
    assert [round_folder(number, 3, out).name for number in (1, 2, 3)] == ["round-1", "round-2", "out"]
    (out / "round-1" / "failback-report.json").touch()
    (out / "failover-report.md").touch()
    (out / "round-trip.md").touch()
    (out / "mine.txt").touch()
    (out / "round-2" / "mine.txt").touch()

    start_over(out)

    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*")) == [
        "mine.txt",
        "round-2",
        "round-2/mine.txt",
    ]
