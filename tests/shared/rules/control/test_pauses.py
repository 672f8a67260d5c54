"""What a pause holds, in both launch orders, and what takes a wave or a server out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.execution import Cancellation, ExecutionRecord, Pause, WaveRecord
from shared.model.policies import LaunchOrder
from shared.model.status import ExecutionStatus, PausePoint
from shared.rules.control.pauses import launch_pause, slot_wait_since, start_pause, withdrawal
from tests.makers import execution, record, wave

AT = "2026-01-01T10:00:00Z"
PAUSES = {
    "now": Pause("h-1", PausePoint.NOW, "ana", "wait", AT),
    "between": Pause("h-2", PausePoint.NEXT_WAVE, "ana", "wait", AT),
    "before web": Pause("h-3", PausePoint.BEFORE_WAVE, "ana", "wait", AT, wave="web"),
    "before data": Pause("h-4", PausePoint.BEFORE_WAVE, "ana", "wait", AT, wave="data"),
}
STAGES = {
    "planned": wave("web"),
    "launching": wave("web", started_at=AT),
    "starting": wave("web", started_at=AT, start_began_at=AT),
}


def running(*pauses: Pause, order: LaunchOrder = LaunchOrder.TOGETHER) -> ExecutionRecord:
    return execution(status=ExecutionStatus.RUNNING, ended_at=None, pauses=pauses, launch_order=order)


@pytest.mark.parametrize(
    ("pause", "order", "stage", "launches", "starts"),
    [
        ("now", "TOGETHER", "planned", False, False),
        ("now", "TOGETHER", "launching", False, False),
        ("now", "TOGETHER", "starting", False, True),
        ("now", "BY_WAVE", "launching", False, False),
        ("between", "TOGETHER", "planned", False, False),
        ("between", "TOGETHER", "launching", True, False),
        ("between", "TOGETHER", "starting", True, True),
        ("between", "BY_WAVE", "planned", False, False),
        ("between", "BY_WAVE", "launching", True, True),
        ("before web", "TOGETHER", "planned", False, False),
        ("before web", "TOGETHER", "launching", False, False),
        ("before web", "BY_WAVE", "launching", False, False),
        ("before web", "BY_WAVE", "starting", False, True),
        ("before data", "TOGETHER", "planned", True, True),
        ("before data", "BY_WAVE", "launching", True, True),
    ],
)
def test_what_a_pause_stops(pause: str, order: str, stage: str, launches: bool, starts: bool) -> None:
    paused = running(PAUSES[pause], order=LaunchOrder(order))
    expected = "ana paused it: wait"
    assert launch_pause(paused, STAGES[stage]) == (None if launches else expected)
    assert start_pause(paused, STAGES[stage]) == (None if starts else expected)


keeps = st.lists(st.sampled_from(list(PAUSES.values())), unique=True)
stages = st.sampled_from(list(STAGES.values()))
orders = st.sampled_from(list(LaunchOrder))


@given(keeps, stages, orders)
def test_nothing_is_paused_that_no_single_pause_stops(
    some: list[Pause], stage: WaveRecord, order: LaunchOrder
) -> None:
    for rule in (launch_pause, start_pause):
        each = [rule(running(pause, order=order), stage) for pause in some]
        assert (rule(running(*some, order=order), stage) is None) == all(taken is None for taken in each)


@given(keeps, stages, orders)
def test_a_pause_at_once_stops_whatever_a_milder_one_stops(
    some: list[Pause], stage: WaveRecord, order: LaunchOrder
) -> None:
    at_once = running(PAUSES["now"], order=order)
    for rule in (launch_pause, start_pause):
        if rule(running(*some, order=order), stage) is not None:
            assert rule(at_once, stage) is not None


def test_an_execution_without_a_pause_goes_on() -> None:
    assert launch_pause(running(), STAGES["planned"]) is None
    assert start_pause(running(), STAGES["launching"]) is None


def test_who_took_a_server_out_is_said() -> None:
    cancelled = replace(running(), cancellation=Cancellation("ana", "false alarm", AT))
    skipped = wave("web", skip="bo skipped the wave: not needed")
    server = record(1, skip="cy skipped it: retired")
    assert withdrawal(running(), wave("web"), record(2)) is None
    assert withdrawal(running(), wave("web"), server) == "cy skipped it: retired"
    assert withdrawal(running(), skipped, server) == "bo skipped the wave: not needed"
    assert withdrawal(cancelled, skipped, server) == "ana cancelled the execution: false alarm"


def test_time_in_a_pause_is_not_waiting() -> None:
    launching = wave("web", started_at="2026-01-01T10:00:00Z")
    assert slot_wait_since(running(), launching) == "2026-01-01T10:00:00Z"
    resumed = replace(running(), resumed_at="2026-01-01T13:00:00Z")
    assert slot_wait_since(resumed, launching) == "2026-01-01T13:00:00Z"
    assert slot_wait_since(running(), wave("web")) is None
