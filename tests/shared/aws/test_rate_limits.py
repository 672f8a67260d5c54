"""A bucket never lets more through than its rate and its fill, and nothing waits longer than it must."""

from __future__ import annotations

from collections.abc import Iterator
from threading import get_ident

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.aws.rate_limits import THREADS, Bucket, in_parallel, keep_time
from shared.settings import PacingSettings
from tests.makers import ELSEWHERE, RECOVERY

waits = st.lists(st.tuples(st.floats(0, 5), st.integers(1, 3)), min_size=1, max_size=80)


@given(st.floats(0.2, 50), waits)
def test_a_bucket_keeps_its_rate_and_lets_none_wait_in_vain(
    rate: float, asked: list[tuple[float, int]]
) -> None:
    bucket, now, through = Bucket.full(rate, 0.0), 0.0, 0
    for pause, amount in asked:
        now += pause
        seconds = bucket.take(now, amount)
        through += amount
        assert through <= max(1.0, rate) + (now + seconds) * rate + 1e-6
        if seconds == 0:
            assert bucket.tokens >= 0
        else:
            assert bucket.tokens + seconds * rate == pytest.approx(0, abs=1e-6)


class HandClock:
    """Passes when the code sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.sleepers: set[int] = set()

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.sleepers.add(get_ident())


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[HandClock]:
    monkeypatch.setenv("DRS_READS_PER_SECOND", "20")
    monkeypatch.setenv("DRS_WRITES_PER_SECOND", "5")
    PacingSettings.from_env.cache_clear()
    made = HandClock()
    keep_time(made)
    yield made
    keep_time(None)
    PacingSettings.from_env.cache_clear()


@pytest.mark.parametrize(
    ("api", "seconds"), [("UpdateLaunchConfiguration", 5), ("GetLaunchConfiguration", 0.5)]
)
def test_calls_go_in_parallel_at_the_rate_of_their_kind(clock: HandClock, api: str, seconds: float) -> None:
    assert in_parallel(lambda n: n + 1, range(30), api=api, scope=lambda n: RECOVERY) == [*range(1, 31)]
    assert clock.seconds == pytest.approx(seconds)
    assert clock.sleepers == {get_ident()}, "threads do not wait, their caller does"


def test_scopes_and_operations_have_buckets_of_their_own_and_callers_share_them(clock: HandClock) -> None:
    def run(api: str) -> None:
        in_parallel(str, range(10), api=api, scope=lambda n: RECOVERY if n % 2 else ELSEWHERE)

    run("UpdateLaunchConfiguration")
    run("ReverseReplication")
    assert clock.seconds == 0
    run("ReverseReplication")
    assert clock.seconds == pytest.approx(1)


def test_an_item_of_several_calls_takes_as_many_tokens(clock: HandClock) -> None:
    in_parallel(str, range(10), api="UpdateLaunchConfiguration", scope=lambda n: RECOVERY, calls=lambda n: 2)
    assert clock.seconds == pytest.approx(3)


def test_what_fails_is_raised_after_the_others_have_ended(clock: HandClock) -> None:
    done: list[int] = []

    def call(number: int) -> None:
        if number == 0:
            raise ValueError("the first")
        done.append(number)

    with pytest.raises(ValueError, match="the first"):
        in_parallel(call, range(THREADS * 2), api="GetLaunchConfiguration", scope=lambda n: RECOVERY)
    assert sorted(done) == [*range(1, THREADS * 2)]
