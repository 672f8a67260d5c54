"""Batches respect the quota and are even; waves are ordered by their dependents; estimates are plausible."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.model.execution import WaveRecord
from shared.model.policies import LaunchOrder, RecoveryMode
from shared.model.quotas import ScopeLimits
from shared.model.scope import Scope
from shared.rules.waves.recovery_estimate import failback_estimate
from shared.rules.waves.wave_planner import (
    FEWEST,
    WaveLoad,
    critical_path,
    estimate,
    launched_at_once,
    plan_batches,
    wave_levels,
)
from tests.makers import ELSEWHERE, RECOVERY, record, server_id, wave

TOGETHER, BY_WAVE = LaunchOrder.TOGETHER, LaunchOrder.BY_WAVE
OPTIMAL, FAST = RecoveryMode.OPTIMAL, RecoveryMode.FAST
CHAIN = [wave("a"), wave("b", "a"), wave("c", "b")]
DIAMOND = [wave("a"), wave("b", "a"), wave("c", "a"), wave("d", "b", "c")]


def limited(servers_per_job: int) -> dict[Scope, ScopeLimits]:
    limits = ScopeLimits(servers_per_job=servers_per_job)
    return {RECOVERY: limits, ELSEWHERE: limits}


@pytest.mark.parametrize(
    ("servers", "at_once", "sizes"),
    [
        (0, 0, []),
        (1, 1, [1]),
        (39, 39, [39]),
        (100, 100, [20] * 5),
        (100, 500, [25] * 4),
        (110, 1000, [27, 27, 28, 28]),
        (20, 1000, [20]),
        (1000, 1000, [25] * 40),
    ],
)
def test_batches_are_as_small_as_fills_the_quotas_and_even(
    servers: int, at_once: int, sizes: list[int]
) -> None:
    batches = plan_batches([record(number) for number in range(servers)], at_once={RECOVERY: at_once})
    assert sorted(Counter(batches.values()).values()) == sizes


@settings(max_examples=40)
@given(
    waves=st.lists(st.integers(1, 150), min_size=1, max_size=6),
    jobs=st.integers(1, 40),
    servers_in_jobs=st.integers(100, 1000),
)
def test_jobs_that_may_run_at_once_have_as_many_servers_as_may_be_in_jobs(
    waves: list[int], jobs: int, servers_in_jobs: int
) -> None:
    """The quota of jobs is never what keeps servers of big waves waiting; and what fits at once, goes."""
    limits = ScopeLimits(jobs=jobs, servers_in_jobs=servers_in_jobs)
    sizes = []
    for servers in waves:
        batches = plan_batches(
            [record(number) for number in range(servers)], {RECOVERY: limits}, {RECOVERY: sum(waves)}
        )
        sizes.append(sorted(Counter(batches.values()).values()))
        assert sizes[-1][-1] <= limits.largest_job
    every = sorted(size for some in sizes for size in some)
    capped = any(servers > limits.largest_job for servers in waves)
    small = min(sum(waves), servers_in_jobs) / jobs
    if not capped and all(servers >= max(FEWEST, small + 1) for servers in waves):
        assert len(every) <= jobs or sum(every[:jobs]) >= servers_in_jobs - jobs


def test_what_launches_at_once_is_everything_or_a_level() -> None:
    servers = {"a": [record(1)], "b": [record(2), record(3, scope=ELSEWHERE)], "c": [record(4)], "d": []}
    together = launched_at_once(DIAMOND, servers, LaunchOrder.TOGETHER)
    assert together == {name: {RECOVERY: 3, ELSEWHERE: 1} for name in "abcd"}
    by_wave = launched_at_once(DIAMOND, servers, LaunchOrder.BY_WAVE)
    assert by_wave == {
        "a": {RECOVERY: 1},
        "b": {RECOVERY: 2, ELSEWHERE: 1},
        "c": {RECOVERY: 2, ELSEWHERE: 1},
        "d": {},
    }


def test_batches_are_numbered_from_one_and_have_one_scope_each() -> None:
    servers = [record(number, scope=RECOVERY if number < 3 else ELSEWHERE) for number in range(5)]
    batches = plan_batches(servers, limited(2))
    assert set(batches.values()) == {1, 2, 3}
    scopes = defaultdict(set)
    for server in servers:
        scopes[batches[server.source_server_id]].add(server.scope)
    assert all(len(found) == 1 for found in scopes.values())


@given(
    scopes=st.lists(st.sampled_from([RECOVERY, ELSEWHERE]), max_size=60),
    limit=st.integers(1, 20),
    order=st.randoms(use_true_random=False),
)
def test_batches_partition_the_servers_within_the_limit_whatever_their_order(
    scopes: list[object], limit: int, order: object
) -> None:
    servers = [record(number, scope=scope) for number, scope in enumerate(scopes)]
    batches = plan_batches(servers, limited(limit))
    assert set(batches) == {server.source_server_id for server in servers}
    sizes = Counter(batches.values())
    assert all(size <= limit for size in sizes.values())
    assert set(sizes) == set(range(1, len(sizes) + 1))
    for scope in set(scopes):
        own = [server for server in servers if server.scope == scope]
        counts = Counter(batches[server.source_server_id] for server in own)
        assert sum(counts.values()) == len(own)
        assert len(counts) == max(-(-len(own) // limit), len(own) // FEWEST, 1)
        assert max(counts.values()) - min(counts.values()) <= 1
    order.shuffle(servers)  # type: ignore[attr-defined]
    assert plan_batches(servers, limited(limit)) == batches


def test_levels_of_a_diamond() -> None:
    assert wave_levels(DIAMOND) == (("a",), ("b", "c"), ("d",))
    assert wave_levels([]) == ()


def test_the_wave_with_the_longest_way_to_the_end_comes_first() -> None:
    waves = [wave("alone"), wave("a"), wave("b", "a"), wave("short"), wave("heavy")]
    order = critical_path(waves, {"heavy": 10.0})
    assert order[:2] == ("heavy", "a")
    assert set(order) == {"alone", "a", "b", "short", "heavy"}


@st.composite
def graphs(draw: st.DrawFn) -> list[WaveRecord]:
    """Waves that depend on waves sampled before them, then shuffled."""
    count = draw(st.integers(0, 8))
    waves = [
        wave(f"w{number}", *draw(st.lists(st.sampled_from([f"w{n}" for n in range(number)]), unique=True)))
        if number
        else wave("w0")
        for number in range(count)
    ]
    return draw(st.permutations(waves))


@given(waves=graphs(), data=st.data())
def test_no_wave_comes_before_one_it_depends_on(waves: list[WaveRecord], data: st.DataObject) -> None:
    weights = {w.name: data.draw(st.floats(0, 100)) for w in waves}
    order = critical_path(waves, weights)
    flat = [name for level in wave_levels(waves) for name in level]
    assert sorted(order) == sorted(flat) == sorted(w.name for w in waves)
    for found in (list(order), flat):
        for w in waves:
            assert all(found.index(needed) < found.index(w.name) for needed in w.depends_on)


def loads(waves: list[WaveRecord], linux: int = 20, windows: int = 0) -> dict[str, WaveLoad]:
    return {w.name: WaveLoad(linux, windows) for w in waves}


def test_launching_together_takes_one_launch_and_the_starts_of_the_longest_chain() -> None:
    together = estimate(CHAIN, loads(CHAIN), TOGETHER, OPTIMAL)
    one_by_one = estimate(CHAIN, loads(CHAIN), BY_WAVE, OPTIMAL)
    single = estimate([wave("a")], loads(CHAIN), TOGETHER, OPTIMAL)
    assert one_by_one.seconds == pytest.approx(3 * single.seconds, abs=2)
    assert single.seconds < together.seconds < one_by_one.seconds / 1.5
    assert list(together.wave_seconds) == ["a", "b", "c"]
    assert together.seconds == together.wave_seconds["c"]


def test_independent_waves_run_in_parallel() -> None:
    assert (
        estimate(DIAMOND, loads(DIAMOND), BY_WAVE, OPTIMAL).seconds
        == estimate(CHAIN, loads(CHAIN), BY_WAVE, OPTIMAL).seconds
    )


def test_fast_is_faster_and_windows_slower() -> None:
    def seconds(load: WaveLoad, mode: RecoveryMode) -> int:
        return estimate([wave("a")], {"a": load}, TOGETHER, mode).seconds

    assert seconds(WaveLoad(linux=20), FAST) < seconds(WaveLoad(linux=20), OPTIMAL)
    assert seconds(WaveLoad(linux=20), OPTIMAL) < seconds(WaveLoad(linux=19, windows=1), OPTIMAL)


def test_a_hundred_linux_servers_in_one_job_take_between_ten_minutes_and_half_an_hour() -> None:
    assert 600 < estimate([wave("a")], {"a": WaveLoad(linux=100)}, TOGETHER, OPTIMAL).seconds < 1800


def test_a_failback_copies_cuts_over_and_protects_again() -> None:
    waves = [wave("data")]
    loads = {"data": WaveLoad(linux=2)}
    one = failback_estimate(waves, loads, LaunchOrder.TOGETHER, RecoveryMode.OPTIMAL, [100 * 2**30])
    assert one.seconds == pytest.approx(
        one.reverse_seconds + one.cutover_seconds + one.reprotect_seconds, abs=2
    )
    assert one.cutover_seconds == estimate(waves, loads, LaunchOrder.TOGETHER, RecoveryMode.OPTIMAL).seconds
    many = failback_estimate(waves, loads, LaunchOrder.TOGETHER, RecoveryMode.OPTIMAL, [100 * 2**30] * 50)
    assert many.reverse_seconds > one.reverse_seconds
    assert many.reprotect_seconds == one.reprotect_seconds
    back = failback_estimate(waves, loads, LaunchOrder.TOGETHER, RecoveryMode.OPTIMAL, [])
    assert (back.reverse_seconds, back.reprotect_seconds) == (0, 0)


def test_nothing_takes_no_time() -> None:
    assert estimate([], {}, TOGETHER, OPTIMAL).seconds == 0
    empty = estimate([wave("a")], {}, BY_WAVE, OPTIMAL)
    assert empty.seconds < 60


@given(waves=graphs(), linux=st.integers(0, 150), windows=st.integers(0, 150))
def test_an_estimate_never_ends_a_wave_before_one_it_depends_on(
    waves: list[WaveRecord], linux: int, windows: int
) -> None:
    for order in LaunchOrder:
        found = estimate(waves, loads(waves, linux, windows), order, OPTIMAL)
        assert found.seconds == max(found.wave_seconds.values(), default=0)
        for w in waves:
            for needed in w.depends_on:
                assert found.wave_seconds[needed] < found.wave_seconds[w.name]


def test_server_ids_are_the_keys() -> None:
    assert plan_batches([record(3)]) == {server_id(3): 1}
