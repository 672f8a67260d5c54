"""ControlExecution: a message is applied once, and what it refuses is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from functions.configuration import await_job_slot
from functions.execution.launch import control_execution
from shared.rules.control.messages import ControlInvalidError
from tests.handlers.estate import RECOVERY, Estate
from tests.handlers.launching import launch, taking_answers


def control(estate: Estate, action: str, **fields: Any) -> dict[str, Any]:
    given = {"action": action, "by": "ana", "reason": "the database team checks first"}
    answer: dict[str, Any] = estate.call(control_execution, **given, **fields)
    return answer


def test_a_pause_stops_launches_until_it_ends(estate: Estate) -> None:
    estate.add_pairs("web-1")
    estate.reach("CONFIGURED")
    paused = control(estate, "PAUSE")
    assert (paused["executionId"], paused["action"]) == ("execution-1", "PAUSE")
    waiting = launch(estate)
    assert (waiting["outcome"], waiting["paused"]) == ("WAIT", True)
    answers = taking_answers(estate)
    fields = {"wave": "web", "batch": 1, "scope": str(RECOVERY), "paused": True, "taskToken": "the-token"}
    estate.call(await_job_slot, **fields)
    assert answers == []
    control(estate, "RESUME")
    assert [answer["taskToken"] for answer in answers] == ["the-token"]
    assert launch(estate)["outcome"] == "STARTED"


def test_the_same_message_has_the_same_answer_and_one_effect(estate: Estate) -> None:
    estate.add_pairs("web-1")
    estate.reach("CONFIGURED")
    first = control(estate, "PAUSE", id="0001")
    assert control(estate, "PAUSE", id="0001") == first
    assert sum("pause" in subject.lower() for subject, _ in estate.messages()) <= 1


def test_an_unknown_action_is_refused(estate: Estate) -> None:
    estate.open()
    with pytest.raises(ControlInvalidError):
        control(estate, "EXPLODE")
