"""AwaitTurn: a wave proceeds once what it depends on has ended."""

from __future__ import annotations

import json

import pytest

from functions.configuration import await_turn
from shared.model.status import WaveStatus
from tests.handlers.estate import Estate
from tests.handlers.launching import taking_answers


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (WaveStatus.RUNNING, None),
        (WaveStatus.COMPLETED, "READY"),
        (WaveStatus.FAILED, "SKIP"),
    ],
)
def test_a_wave_is_answered_at_once_if_what_it_depends_on_is_done(
    estate: Estate, status: WaveStatus, verdict: str | None
) -> None:
    estate.add_pairs("db-1", "web-1")
    estate.reach("PLANNED")
    estate.store.change_wave("execution-1", "data", {"status": status})
    answers = taking_answers(estate)
    assert estate.call(await_turn, wave="web", half="START", taskToken="token-of-web") == {}
    assert [answer["taskToken"] for answer in answers] == (["token-of-web"] if verdict else [])
    for answer in answers:
        output = json.loads(answer["output"])
        assert output["verdict"] == verdict
        assert ("data" in output["reason"]) is (verdict == "SKIP")
    [web] = [wave for wave in estate.store.waves("execution-1") if wave.name == "web"]
    assert web.token == (None if verdict else "token-of-web")
