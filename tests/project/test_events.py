"""The sample inputs in events/ are what the schemas, the functions and the templates take."""

from __future__ import annotations

import json
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator

from shared.rules.plan.contracts import problems
from shared.rules.plan.parsing import parse_plan
from shared.rules.plan.requests import parse_request, request_from_event
from tests.policies import PROJECT, functions, orchestration

EVENTS = PROJECT / "events"
REQUESTS = (
    "start-failover.json",
    "start-failover-inline.json",
    "dry-run.json",
    "start-drill.json",
    "start-failback.json",
    "check-failback.json",
)


def read(name: str) -> Any:
    return json.loads((EVENTS / name).read_text("utf-8"))


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_valid(name: str) -> None:
    assert problems(read(name), "request") == ()
    assert parse_request(read(name)).dry_run == (
        name in ("dry-run.json", "check-failback.json", "start-failover-inline.json")
    )


@pytest.mark.parametrize("name", ["prepare.json", "undo-preparation.json"])
def test_the_input_of_a_preparation_is_valid(name: str) -> None:
    assert problems(read(name), "preparation") == ()


def test_the_inline_request_carries_the_plan_that_store_plan_stores() -> None:
    plan = parse_request(read("start-failover-inline.json")).inline_plan
    assert plan == read("store-plan.json")["plan"] == read("functions/store_plan.json")["plan"]
    assert parse_plan(plan).name == "databases"


def test_the_event_entries_are_what_the_rule_matches_and_the_function_takes() -> None:
    [entry] = read("disaster-declared.json")
    assert set(entry) <= {"Source", "DetailType", "Detail", "EventBusName", "Resources", "Time"}
    put_events = botocore.session.get_session().get_service_model("events").operation_model("PutEvents")
    assert put_events.input_shape is not None
    report = ParamValidator().validate({"Entries": [entry]}, put_events.input_shape)
    assert not report.has_errors(), report.generate_report()
    event = read("disaster-declared.event.json")
    assert problems(event, "dr-event") == ()
    assert (entry["Source"], entry["DetailType"]) == (event["source"], event["detail-type"])
    assert json.loads(entry["Detail"]) == event["detail"]
    assert request_from_event(event)["plan"] == "estate"
    assert read("functions/start_from_event.json") == event
    [rule] = functions()["StartFromEventFunction"]["Events"].values()
    _assert_matches(event, rule["Properties"]["Pattern"])


def test_the_status_event_is_what_the_rule_matches() -> None:
    [rule] = functions()["CloseAbortedExecutionFunction"]["Events"].values()
    pattern = orchestration().resolve(rule["Properties"]["Pattern"])
    machine = read("functions/close_aborted_execution.json")["detail"]["stateMachineArn"]
    assert machine.endswith("-failover")
    pattern["detail"]["stateMachineArn"] = [machine]  # the name of the stack is the operator's
    _assert_matches(read("functions/close_aborted_execution.json"), pattern)


def test_every_function_has_a_sample_and_every_sample_a_function() -> None:
    modules = {function["Handler"].split(".")[0] for function in functions().values()}
    assert {path.stem for path in (EVENTS / "functions").iterdir()} == modules


def test_the_samples_of_the_functions_are_about_one_execution() -> None:
    samples = [read(f"functions/{path.name}") for path in (EVENTS / "functions").iterdir()]
    assert {sample["executionId"] for sample in samples if "executionId" in sample} == {"sample"}
    plan = parse_plan(read("store-plan.json")["plan"])
    assert {sample["wave"] for sample in samples if "wave" in sample} == {wave.name for wave in plan.waves}
    assert {sample["site"] for sample in samples if "site" in sample} == {site.name for site in plan.sites}


def _assert_matches(event: dict[str, Any], pattern: dict[str, Any]) -> None:
    """An EventBridge pattern of exact values: a list of allowed ones for each key, nested."""
    for key, wanted in pattern.items():
        if isinstance(wanted, dict):
            _assert_matches(event[key], wanted)
        else:
            assert event[key] in wanted, key
