"""Every violation of a contract is found, named by its path, and comes with what to write instead."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from shared.rules.plan.contracts import SCHEMA_FOLDER, SCHEMAS, Problem, path_of, problems
from tests.makers import plan_document

ROOT = Path(__file__).parents[4]
WAVE = {"name": "data", "servers": {"names": ["db-*"]}}


def found(document: object, schema: str = "plan") -> dict[str, Problem]:
    return {problem.path: problem for problem in problems(document, schema)}


def with_wave(**changes: Any) -> dict[str, Any]:
    return plan_document(waves=[WAVE | changes])


def test_a_good_plan_has_no_problems() -> None:
    assert problems(plan_document(), "plan") == ()


@pytest.mark.parametrize(
    ("document", "path", "message", "remedy"),
    [
        (plan_document(wave=[]), "wave", "not known", "'waves'"),
        (plan_document(zebra=1), "zebra", "not known", "known here: name, "),
        ({"name": "erp", "sites": []}, "waves", "missing", "Add it"),
        (plan_document(sites=[]), "sites", "has 0 entries", "at least 1"),
        (plan_document(name="my plan"), "name", "right form", '"erp"'),
        (plan_document(name=7), "name", "7 is a whole number", 'in quotes: "7"'),
        (plan_document(description="x" * 1001), "description", "has 1001 letters", "at most 1000"),
        (plan_document(policies={"launchOrder": "bywave"}), "policies.launchOrder", "not one of", "BY_WAVE"),
        (plan_document(policies={"onBlocked": "zzz"}), "policies.onBlocked", "not one of", "STOP, CONTINUE"),
        (plan_document(policies={"retries": 6}), "policies.retries", "out of bounds", "at most 5"),
        (plan_document(policies={"retries": -1}), "policies.retries", "out of bounds", "at least 0"),
        (plan_document(policies={"approval": None}), "policies.approval", "null is empty", "Write a text"),
        (plan_document(policies=[]), "policies", "is a list", "Write a mapping"),
        (with_wave(dependsOn=["a", "a"]), "waves[0].dependsOn", "more than once", "Name each once"),
        (with_wave(servers={}), "waves[0].servers", "has 0 entries", "of sourceServerIds, names, tags"),
        (with_wave(servers={"tags": {"a b": True}}), 'waves[0].servers.tags["a b"]', "true", '"true"'),
        (with_wave(onFailure="go on"), "waves[0].onFailure", "not one of STOP, CONTINUE", "CONTINUE"),
        (with_wave(onFailure={"tolerate": "5"}), "waves[0].onFailure.tolerate", "form", '"5%"'),
        (with_wave(onFailure={"tolerate": -1}), "waves[0].onFailure.tolerate", "out of bounds", "at least 0"),
        (with_wave(onFailure={}), "waves[0].onFailure.tolerate", "missing", "how many"),
        (with_wave(healthChecks=[{"type": "TCP"}]), "waves[0].healthChecks[0].port", "missing", "5432"),
        (
            with_wave(healthChecks=[{"type": "HTTP", "url": "http://x", "port": 1}]),
            "waves[0].healthChecks[0].port",
            "does not belong here",
            "Remove it",
        ),
        (
            with_wave(healthChecks=[{"type": "TCP", "port": 1, "timeoutSeconds": 0}]),
            "waves[0].healthChecks[0].timeoutSeconds",
            "out of bounds",
            "more than 0",
        ),
        (
            plan_document(matching={"manualPairs": [{"targetInstanceId": "i-0123456789abcdef0"}]}),
            "matching.manualPairs[0]",
            "gives none of",
            "exactly one",
        ),
        (
            plan_document(sites=[{"name": "a", "origin": {"account": 11, "region": "useast"}}]),
            "sites[0].origin.account",
            "11 is a whole number",
            "quotes",
        ),
    ],
)
def test_a_violation_is_named_with_its_path_and_a_remedy(
    document: object, path: str, message: str, remedy: str
) -> None:
    problem = found(document)[path]
    assert message in problem.message
    assert remedy.lower() in problem.remedy.lower()
    assert str(problem) == f"{path}: {problem.message} {problem.remedy}"


def test_all_violations_are_found_at_once_and_in_the_order_of_the_document() -> None:
    document = plan_document(name="a b", waves=[WAVE, {"servers": {}}, WAVE | {"dependOn": ["x"]}])
    assert list(found(document)) == ["name", "waves[1].name", "waves[1].servers", "waves[2].dependOn"]


def test_a_value_of_the_wrong_type_is_one_problem() -> None:
    assert len(problems(plan_document(policies={"launchOrder": 5}), "plan")) == 1


def test_the_plan_inside_a_request_is_checked_with_its_own_path() -> None:
    assert list(found({"plan": with_wave(dependOn=[])}, "request")) == ["plan.waves[0].dependOn"]
    assert problems({"plan": plan_document()}, "request") == ()
    assert problems({"plan": "erp"}, "request") == ()


def test_an_event_may_carry_what_eventbridge_adds_but_its_detail_may_not() -> None:
    detail = {"plan": "erp", "reason": "us-east-1 is lost"}
    event = {
        "version": "0",
        "id": "1",
        "source": "drs-orchestrator.dr",
        "detail-type": "Disaster Declared",
        "replay-name": "again",
        "detail": detail,
    }
    assert problems(event, "dr-event") == ()
    assert list(found(event | {"detail": detail | {"plans": "x"}}, "dr-event")) == ["detail.plans"]
    assert "Disaster Declared" in found(event | {"detail-type": "Fire"}, "dr-event")["detail-type"].remedy


def test_what_yaml_knows_and_json_does_not_is_named() -> None:
    assert "in quotes" in found({"name": datetime.date(2026, 1, 1)})["name"].remedy
    assert "in quotes" in found({5: "x"})["5"].remedy
    assert "not a number" in found({"a": [float("nan")]})["a[0]"].message
    endless: list[Any] = []
    endless.append(endless)
    assert "nested too deeply" in problems(endless, "plan")[0].message


def test_an_unknown_schema_is_refused() -> None:
    with pytest.raises(LookupError, match="plan, request, report, dr-event"):
        problems({}, "plans")


def test_path_of_the_document_itself() -> None:
    assert path_of([]) == "(document)"
    assert path_of(["a", 0, "b c", "d"]) == 'a[0]["b c"].d'


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_property_of_every_schema_is_described_and_no_object_is_open(name: str) -> None:
    schema = json.loads((SCHEMA_FOLDER / f"{name}.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)

    def walk(node: Any, path: str) -> None:
        if isinstance(node, list):
            for item in node:
                walk(item, path)
        if not isinstance(node, dict):
            return
        if node.get("type") == "object":
            assert "additionalProperties" in node, path
            for key, inner in node.get("properties", {}).items():
                assert "description" in inner or "$ref" in inner, f"{path}.{key}"
        for key, inner in node.items():
            if key == "if":  # a question about the value, not a description of it
                continue
            walk(inner, f"{path}.{key}")

    walk(schema, name)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(document=JSON, schema=st.sampled_from(SCHEMAS))
def test_any_document_at_all_gets_problems_and_never_an_exception(document: Any, schema: str) -> None:
    for problem in problems(document, schema):
        assert problem.path
        assert problem.message
        assert problem.remedy


@given(data=st.data())
def test_a_plan_damaged_anywhere_gets_problems_and_never_an_exception(data: st.DataObject) -> None:
    document = json.loads(json.dumps(plan_document(policies={"retries": 1}, matching={"maxEditDistance": 1})))
    node: Any = document
    while True:
        key = data.draw(st.sampled_from(list(node) if isinstance(node, dict) else list(range(len(node)))))
        if isinstance(node[key], dict | list) and node[key] and data.draw(st.booleans()):
            node = node[key]
            continue
        node[key] = data.draw(JSON)
        break
    assert all(problem.remedy for problem in problems(document, "plan"))


def test_importing_the_contracts_does_not_import_jsonschema() -> None:
    modules = "shared.rules.plan.parsing, shared.rules.plan.requests"
    code = f"import sys, {modules}; sys.exit('jsonschema' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode == 0
