"""StartFromEvent: a declared disaster starts one execution, however often its event arrives."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from functions.execution.launch import start_from_event
from tests.handlers.estate import Estate, environment
from tests.handlers.wire import Call, refused_json


def event(**detail: Any) -> dict[str, Any]:
    return {
        "id": "7bf73129-1428-4cd3-a780-95db273d1602",
        "detail-type": "Disaster Declared",
        "source": "drs-orchestrator.dr",
        "time": "2030-01-01T00:00:00Z",
        "detail": {"plan": "erp", "reason": "us-east-1 is unavailable", **detail},
    }


def taking_starts(estate: Estate) -> list[dict[str, Any]]:
    """The executions that are started from now on."""
    started: list[dict[str, Any]] = []

    def take(call: Call) -> AWSResponse:
        started.append(json.loads(call.body))
        return call.answer(200, b'{"executionArn": "arn", "startDate": 1}')

    estate.wire.on("sfn", "StartExecution", take)
    return started


@pytest.mark.parametrize("mode", ["FAILOVER", "FAILBACK"])
def test_an_event_starts_the_machine_of_its_mode_under_its_own_id(estate: Estate, mode: str) -> None:
    started = taking_starts(estate)
    answer = start_from_event.handler(event(mode=mode), None)
    assert answer == {"executionName": "event-7bf73129-1428-4cd3-a780-95db273d1602", "started": True}
    [execution] = started
    assert execution["name"] == answer["executionName"]
    assert execution["stateMachineArn"] == environment()[f"{mode}_STATE_MACHINE_ARN"]
    request = json.loads(execution["input"])
    assert (request["plan"], request["startedBy"]) == ("erp", "EVENT")


def test_an_event_that_arrives_again_starts_nothing(estate: Estate) -> None:
    estate.wire.on("sfn", "StartExecution", refused_json("ExecutionAlreadyExists"))
    assert start_from_event.handler(event(), None)["started"] is False


@pytest.mark.parametrize(
    ("detail", "named"),
    [
        ({"plan": None}, "detail.plan"),
        ({"plann": "erp"}, "plann"),
        ({"mode": "FAILOVR"}, "detail.mode"),
        ({"cancelDrill": True, "mode": "FAILBACK"}, "detail.cancelDrill"),
    ],
)
def test_an_event_with_a_typo_is_reported_to_the_operators_with_its_field(
    estate: Estate, detail: dict[str, Any], named: str
) -> None:
    started = taking_starts(estate)
    answer = start_from_event.handler(event(**detail), None)
    assert started == []
    [(title, text)] = estate.messages()
    assert title == "A declared disaster was NOT started: its event is refused"
    assert named in text
    assert named in answer["refused"]
    assert "put the event again" in text
