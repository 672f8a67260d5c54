"""The clock of the local cloud, with real time injected: nothing here waits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from drs_emulator.scaled_clock import ScaledClock

START = datetime(2026, 1, 1, tzinfo=UTC)


class FakeTimer:
    """Real time that moves on request; a waiting thread reports how long it would wait, then waits for us."""

    def __init__(self) -> None:
        self.real = 0.0
        self.waits: list[float | None] = []
        self.waiting = threading.Event()

    def seconds(self) -> float:
        return self.real

    def wait(self, condition: threading.Condition, seconds: float | None) -> None:
        self.waits.append(seconds)
        self.condition = condition
        self.waiting.set()
        condition.wait()

    def end_wait(self) -> None:
        """The time is up that the thread wanted to wait."""
        with self.condition:
            self.condition.notify_all()


def elapsed(clock: ScaledClock) -> float:
    return (clock.now() - START).total_seconds()


def settle(timer: FakeTimer, act: Callable[[], object]) -> None:
    """Do something that resumes the clock's thread, and return when it waits again."""
    timer.waiting.clear()
    act()
    assert timer.waiting.wait(5)


def test_time_runs_at_speed_while_nothing_works() -> None:
    timer = FakeTimer()
    clock = ScaledClock(60, START, timer)
    timer.real = 2.0
    assert elapsed(clock) == pytest.approx(120)


def test_time_is_real_while_something_works_and_catches_nothing_up_afterwards() -> None:
    timer = FakeTimer()
    clock = ScaledClock(60, START, timer)
    timer.real = 1.0
    with clock.real_speed():
        timer.real = 4.0
        with clock.real_speed():
            timer.real = 5.0
        assert clock.rate == 1.0
        timer.real = 11.0
    assert elapsed(clock) == pytest.approx(60 + 10)
    timer.real = 12.0
    assert elapsed(clock) == pytest.approx(60 + 10 + 60)


def test_actions_run_in_the_order_of_their_time() -> None:
    timer = FakeTimer()
    clock = ScaledClock(10, START, timer)
    ran: list[str] = []
    settle(timer, lambda: clock.call_later(20, lambda: ran.append("late")))
    settle(timer, lambda: clock.call_later(10, lambda: ran.append("early")))
    assert timer.waits[-1] == pytest.approx(1.0)
    timer.real = 2.0
    settle(timer, lambda: clock.call_later(1000, lambda: ran.append("never")))
    assert ran == ["early", "late"]
    clock.close()


def test_a_wait_goes_on_while_something_works_and_gets_shorter_when_that_ends() -> None:
    timer = FakeTimer()
    clock = ScaledClock(60, START, timer)
    settle(timer, lambda: clock.call_later(60, lambda: None))
    assert timer.waits[-1] == pytest.approx(1.0)
    speed = clock.real_speed()
    speed.__enter__()
    timer.real = 1.0
    settle(timer, timer.end_wait)
    assert timer.waits[-1] == pytest.approx(59.0)
    settle(timer, lambda: speed.__exit__(None, None, None))
    assert timer.waits[-1] == pytest.approx(59.0 / 60)
    clock.close()


def test_work_that_is_over_before_anything_was_due_resumes_no_thread() -> None:
    timer = FakeTimer()
    clock = ScaledClock(60, START, timer)
    settle(timer, lambda: clock.call_later(60, lambda: None))
    timer.waiting.clear()
    with clock.real_speed():
        pass
    timer.real = 1.0
    settle(timer, timer.end_wait)
    assert timer.waits == [pytest.approx(1.0), None], "it was resumed once, when its action was due"
    clock.close()


def test_a_failing_action_is_logged_and_time_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    timer = FakeTimer()
    clock = ScaledClock(1, START, timer)
    ran = threading.Event()

    def fail() -> None:
        raise ValueError("no good")

    settle(timer, lambda: clock.call_later(5, fail))
    timer.real = 6.0
    clock.call_later(0, ran.set)
    assert ran.wait(5)
    clock.close()
    assert "no good" in caplog.text


def test_nothing_runs_after_close() -> None:
    timer = FakeTimer()
    clock = ScaledClock(1, START, timer)
    ran: list[int] = []
    settle(timer, lambda: clock.call_later(5, lambda: ran.append(1)))
    clock.close()
    timer.real = 10.0
    clock.call_later(0, lambda: ran.append(2))
    assert ran == []


def test_a_clock_that_stands_still_is_refused() -> None:
    with pytest.raises(ValueError, match="greater than 0"):
        ScaledClock(0)
