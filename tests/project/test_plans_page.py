"""The page about plans is right: its examples are valid, its tables complete."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from shared.rules.checks import reverse_prerequisites
from shared.rules.checks.prerequisites import CHECKS, SCOPE_CHECKS
from shared.rules.plan.contracts import SCHEMA_FOLDER, problems
from shared.rules.plan.parsing import parse_plan
from shared.rules.plan.requests import parse_request, request_from_event

PAGE = (Path(__file__).parents[2] / "docs" / "plans.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("place", [0, 1])
def test_the_plans_on_the_page_are_valid(place: int) -> None:
    assert parse_plan(yaml.safe_load(blocks("yaml")[place])).waves


def test_the_requests_and_the_event_on_the_page_are_valid() -> None:
    request, back, entry = (json.loads(block) for block in blocks("json"))
    assert parse_request(request).dry_run
    assert parse_request(back).overrides
    event = {
        "source": entry["Source"],
        "detail-type": entry["DetailType"],
        "detail": json.loads(entry["Detail"]),
    }
    assert parse_request(request_from_event(event)).plan_name == "erp"


def test_the_big_example_uses_every_field_there_is() -> None:
    schema = json.loads((SCHEMA_FOLDER / "plan.schema.json").read_text("utf-8"))
    example = yaml.safe_load(blocks("yaml")[1])
    assert set(example) == set(schema["properties"])
    assert set(example["policies"]) == set(schema["$defs"]["policies"]["properties"])
    assert set(example["matching"]) == set(schema["$defs"]["matching"]["properties"])
    back = example["policies"]["failback"]
    assert set(back) == set(schema["$defs"]["failback"]["properties"])
    assert set(back["quiesce"][0]) == set(schema["$defs"]["quiesceAction"]["properties"])
    assert set(example["policies"]["drill"]) == set(schema["$defs"]["drill"]["properties"])


def test_every_property_of_a_plan_is_on_the_page() -> None:
    schema = json.loads((SCHEMA_FOLDER / "plan.schema.json").read_text("utf-8"))
    names = {name for part in (schema, *schema["$defs"].values()) for name in part.get("properties", {})}
    assert {name for name in names if name not in PAGE} == set()


def test_every_property_of_a_request_is_on_the_page() -> None:
    schema = json.loads((SCHEMA_FOLDER / "request.schema.json").read_text("utf-8"))
    assert {name for name in schema["properties"] if f"{name}" not in PAGE} == {"startedBy"}


def test_every_check_is_in_its_table() -> None:
    failover, failback = PAGE.split("### Before a failback")
    rows = [(check.code, check.severity, check.title) for check in CHECKS]
    rows += [(check.code, check.severity, check.title) for check in SCOPE_CHECKS]
    for code, severity, title in rows:
        assert f"| `{code}` | {severity.lower()} | {title} |" in failover
    rows = [(check.code, check.severity, check.title) for check in reverse_prerequisites.CHECKS]
    rows += [(check.code, check.severity, check.title) for check in reverse_prerequisites.SCOPE_CHECKS]
    for code, severity, title in rows:
        assert f"| `{code}` | {severity.lower()} | {title} |" in failback
    for code, title in reverse_prerequisites.IDENTIFICATION_CODES.items():
        assert f"| `{code}` | {title} |" in failback


def test_the_refusal_on_the_page_is_what_an_operator_sees() -> None:
    plan = yaml.safe_load(blocks("yaml")[1])
    plan["sites"][0]["origin"]["account"] = 111122223333
    plan["policies"]["launchOrder"] = "bywave"
    for problem in problems(plan, "plan"):
        assert f"- {problem}" in PAGE
