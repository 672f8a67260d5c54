"""AwaitJobSlot: a batch's task token is registered; a pause that has ended meanwhile is not waited for."""

from __future__ import annotations

import pytest

from functions.configuration import await_job_slot
from shared.store import WaiterStore
from tests.handlers.estate import RECOVERY, Estate, environment
from tests.handlers.launching import taking_answers


@pytest.mark.parametrize(("paused", "resumed"), [(False, []), (True, ["the-token"])])
def test_a_batch_is_registered_and_resumed_at_once_if_nothing_pauses_it(
    estate: Estate, paused: bool, resumed: list[str]
) -> None:
    estate.add_pairs("web-1")
    estate.reach("CONFIGURED")
    answers = taking_answers(estate)
    fields = {"wave": "web", "batch": 1, "scope": str(RECOVERY), "paused": paused, "taskToken": "the-token"}
    assert estate.call(await_job_slot, **fields) == {}
    [waiter] = WaiterStore(environment()["EXECUTIONS_TABLE"], RECOVERY).for_slot()
    assert (waiter.wave, waiter.batch, waiter.task_token) == ("web", 1, "the-token")
    assert [answer["taskToken"] for answer in answers] == resumed
