"""The demo's verdict: what EC2 and DRS show decides, whatever the report claims."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from local.cli.state import BuiltFleet
from local.demo.observed_state import Evidence, Sighting
from local.demo.verdict import Verdict, judge
from local.fleet import BuiltServer, Fleet, load

ROOT = Path(__file__).parents[3]


class Scene:
    """Three servers, a-1 and a-2 healthy and a-3 without a tagged target, after a failover that went well."""

    def __init__(self, tmp_path: Path) -> None:
        content = yaml.safe_load((ROOT / "fleets" / "three.yaml").read_text(encoding="utf-8"))
        issue = [{"kind": "targetUntagged", "servers": ["a-3"]}]
        content["servers"] = [{"name": "a-{n}", "count": 3, "wave": "all", "issue": issue}]
        content["policies"] = {"onBlocked": "CONTINUE"}
        file = tmp_path / "fleet.yaml"
        file.write_text(yaml.safe_dump(content), encoding="utf-8")
        self.fleet: Fleet = load(file)
        self.built = BuiltFleet(
            "fleet.yaml",
            "three",
            tuple(BuiltServer(f"a-{n}", f"s-{n}", f"i-original{n}", (f"i-{n}",)) for n in (1, 2, 3)),
        )
        old = {
            f"i-{n}": Sighting(f"i-{n}", "stopped", f"10.0.0.{n}", frozenset({f"old-{n}"})) for n in (1, 2, 3)
        }
        self.before = Evidence(old, {})
        moved = {
            name: replace(old[name], state="running", volumes=frozenset({f"new-{name}"}))
            for name in ("i-1", "i-2")
        }
        self.after = Evidence({**old, **moved}, {"s-1": "i-1", "s-2": "i-2"})
        self.report: dict[str, Any] = {
            "servers": [
                {"name": "a-1", "status": "RECOVERED", "verifiedAt": "now", "reason": None, "remedy": None},
                {"name": "a-2", "status": "RECOVERED", "verifiedAt": "now", "reason": None, "remedy": None},
                {
                    "name": "a-3",
                    "status": "BLOCKED",
                    "verifiedAt": None,
                    "reason": "no tag",
                    "remedy": "tag it",
                },
            ]
        }

    def change(self, instance: str, **values: Any) -> None:
        changed = replace(self.after.instances[instance], **values)
        self.after = replace(self.after, instances={**self.after.instances, instance: changed})

    def verdict(self) -> Verdict:
        return judge(self.fleet, self.built, self.before, self.after, self.report)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_all_is_good_when_the_healthy_moved_and_the_blocked_stayed(scene: Scene) -> None:
    verdict = scene.verdict()

    assert verdict.good
    assert (verdict.servers, verdict.expected, verdict.moved) == (3, 2, 2)
    assert (verdict.same_instance, verdict.same_address) == (2, 2)


@pytest.mark.parametrize("state", ["stopped", "pending"])
def test_a_server_whose_target_does_not_run_has_not_moved(scene: Scene, state: str) -> None:
    scene.change("i-1", state=state)

    assert scene.verdict().problems == (f"a-1 did not move: its target is {state}",)


def test_a_target_that_only_started_on_its_old_volumes_has_not_moved(scene: Scene) -> None:
    scene.change("i-1", volumes=frozenset({"old-1"}))

    assert scene.verdict().problems == ("a-1 did not move: its target is running",)


def test_a_target_that_was_terminated_has_not_moved(scene: Scene) -> None:
    instances = dict(scene.after.instances)
    del instances["i-1"]
    scene.after = replace(scene.after, instances=instances)

    assert scene.verdict().problems == ("a-1 did not move: its target is not found",)


def test_recovery_into_another_instance_is_found(scene: Scene) -> None:
    scene.after = replace(scene.after, recovered_into={"s-1": "i-2", "s-2": "i-2"})

    verdict = scene.verdict()

    assert verdict.same_instance == 1
    assert verdict.problems == ("a-1 was recovered into i-2, not into i-1",)


def test_another_private_address_is_found(scene: Scene) -> None:
    scene.change("i-2", private_ip="10.0.0.99")

    assert scene.verdict().problems == ("a-2 does not have the private address of before",)


def test_a_blocked_server_that_runs_is_found(scene: Scene) -> None:
    scene.change("i-3", state="running")

    assert scene.verdict().problems == ("a-3 moved and should not have: i-3 runs",)


def test_a_blocked_server_whose_volumes_changed_is_found(scene: Scene) -> None:
    scene.change("i-3", volumes=frozenset({"new"}))

    assert scene.verdict().problems == ("a-3 is blocked, but its target i-3 was touched",)


def test_an_instance_that_no_step_asked_for_is_found(scene: Scene) -> None:
    stranger = Sighting("i-new", "running", None, frozenset())
    scene.after = replace(scene.after, instances={**scene.after.instances, "i-new": stranger})

    [problem] = scene.verdict().problems
    assert problem.startswith("instance i-new is new")


@pytest.mark.parametrize(
    ("number", "changes", "problem"),
    [
        (0, {"status": "FAILED", "reason": "bad luck"}, "a-1 is FAILED in the report: bad luck"),
        (1, {"verifiedAt": None}, "a-2 is RECOVERED in the report: no reason given"),
        (2, {"remedy": None}, "a-3 is BLOCKED in the report without reason and remedy"),
        (2, {"status": "RECOVERED"}, "a-3 is RECOVERED in the report and cannot be"),
    ],
)
def test_a_report_that_says_otherwise_is_found(
    scene: Scene, number: int, changes: dict[str, Any], problem: str
) -> None:
    scene.report["servers"][number].update(changes)

    assert scene.verdict().problems == (problem,)


def test_a_server_that_the_report_leaves_out_is_found(scene: Scene) -> None:
    del scene.report["servers"][0]

    assert scene.verdict().problems == ("a-1 is not in the report",)
