"""StorePlan: a valid plan is kept under its name, and prepared on request."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from functions.configuration import store_plan
from shared.rules.plan.parsing import PlanInvalidError
from tests.handlers.estate import Estate, plan_document
from tests.handlers.wire import Call


def store(estate: Estate, plan: Any) -> dict[str, Any]:
    answer: dict[str, Any] = estate.call(store_plan, plan=plan)
    return answer


def test_a_plan_is_stored_under_its_name_and_replaced(estate: Estate) -> None:
    first = store(estate, plan_document())
    expected = {"plan": "erp", "sites": ["main"], "waves": ["data", "web"], "preparation": None}
    assert first == {**expected, "replaced": False}
    assert store(estate, plan_document())["replaced"] is True
    assert estate.plans.get("erp") == plan_document()


def test_an_invalid_plan_is_refused_and_the_stored_one_stays(estate: Estate) -> None:
    store(estate, plan_document())
    with pytest.raises(PlanInvalidError):
        store(estate, plan_document(waves=[]))
    assert estate.plans.get("erp") == plan_document()


def test_a_plan_that_asks_for_it_is_prepared(estate: Estate) -> None:
    started: list[dict[str, Any]] = []

    def take(call: Call) -> AWSResponse:
        started.append(json.loads(call.body))
        return call.answer(200, b'{"executionArn": "arn", "startDate": 1}')

    estate.wire.on("sfn", "StartExecution", take)
    answer = store(estate, plan_document(policies={"prepareWhenStored": True}))
    assert [(one["name"], json.loads(one["input"])["plan"]) for one in started] == [
        (answer["preparation"], "erp")
    ]
