"""FreezePlan: nothing is begun for a frozen plan, and the refusal has the command that releases it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from functions.configuration import freeze_plan
from functions.execution.stop import stop_targets
from shared.services.frozen import FrozenError
from tests.handlers.estate import Estate, plan_document

WHO = {"by": "ana", "reason": "targets of another plan were stopped"}


def switch(estate: Estate, action: str, plan: str = "erp") -> dict[str, Any]:
    return freeze_plan.handler({"action": action, "plan": plan, **WHO, "now": estate.now}, None)


@pytest.mark.parametrize("plan", ["erp", "*"])
def test_a_frozen_plan_begins_nothing_until_it_is_released(estate: Estate, plan: str) -> None:
    estate.open(plan_document())
    assert switch(estate, "FREEZE", plan)["frozen"]
    with pytest.raises(FrozenError, match=r"frozen since .* by ana: targets of another plan") as refused:
        estate.call(stop_targets, wave="data")
    # The command of the refusal, followed:
    [message] = re.findall(r"<<< '(.*)'$", str(refused.value))
    assert freeze_plan.handler(json.loads(message), None) == {
        "plan": plan,
        "frozen": False,
        "result": f"{plan} is released by YOUR NAME: YOUR REASON. What waited goes on within five minutes.",
    }
    estate.call(stop_targets, wave="data")


def test_an_execution_of_a_frozen_plan_is_refused_at_its_start_and_a_dry_run_is_not(estate: Estate) -> None:
    switch(estate, "FREEZE")
    with pytest.raises(FrozenError, match="To release it"):
        estate.open(plan_document())
    estate.open(plan_document(), dryRun=True)


def test_the_freeze_of_one_plan_is_none_of_another_and_all_are_released_by_a_star(estate: Estate) -> None:
    estate.open(plan_document())
    switch(estate, "FREEZE", "crm")
    estate.call(stop_targets, wave="data")
    switch(estate, "FREEZE", "*")
    assert "was not frozen" in switch(estate, "RELEASE")["result"]
    with pytest.raises(FrozenError, match="Every plan is frozen"):
        estate.call(stop_targets, wave="data")
    switch(estate, "RELEASE", "*")
    estate.call(stop_targets, wave="data")


@pytest.mark.parametrize("change", [{"action": "MELT"}, {"plan": "a/b"}, {"by": ""}, {"until": "noon"}])
def test_a_bad_message_is_refused_by_field(estate: Estate, change: dict[str, str]) -> None:
    del estate
    message = {"action": "FREEZE", "plan": "erp", **WHO, **change}
    with pytest.raises(freeze_plan.FreezeInvalidError, match=next(iter(change))):
        freeze_plan.handler(message, None)
