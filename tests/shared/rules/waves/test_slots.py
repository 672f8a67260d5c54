"""Slots in a scope are given by priority, to one at a time, and never more than the quotas leave."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shared.model.quotas import SERVERS_IN_JOBS, ScopeLimits
from shared.rules.launch.polling import boot_wait, launch_wait, slot_wait
from shared.rules.waves.slots import LEASE, Claim, in_line, lapsed, may_start, next_to_start, slots

DRS = ScopeLimits()
NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)


def claim(
    batch: int, servers: int = 100, priority: float = 1.0, age: int = 0, granted: bool = False
) -> Claim:
    at = (NOW - timedelta(seconds=age)).isoformat()
    return Claim("run", "web", batch, servers, priority, at, at, at if granted else None)


def test_who_has_the_longest_way_to_the_end_comes_first() -> None:
    late_but_urgent, early = claim(1, priority=900, age=5), claim(2, priority=100, age=60)
    left = slots(0, SERVERS_IN_JOBS - 100, DRS)
    assert may_start(late_but_urgent, [late_but_urgent, early], left, NOW)
    assert not may_start(early, [late_but_urgent, early], left, NOW)


def test_equals_are_served_in_the_order_of_asking() -> None:
    first, second = claim(2, age=60), claim(1, age=5)
    left = slots(0, SERVERS_IN_JOBS - 100, DRS)
    assert may_start(first, [first, second], left, NOW)
    assert not may_start(second, [first, second], left, NOW)


def test_none_overtakes_one_that_needs_more_slots() -> None:
    big, small = claim(1, servers=100, priority=9), claim(2, servers=1)
    assert not may_start(small, [big, small], slots(0, SERVERS_IN_JOBS - 50, DRS), NOW)


def test_a_dead_owner_loses_its_claim() -> None:
    dead, living = claim(1, priority=9, age=int(LEASE.total_seconds()) + 1), claim(2)
    assert may_start(living, [dead, living], slots(0, SERVERS_IN_JOBS - 100, DRS), NOW)


def test_a_granted_claim_keeps_its_slots_until_drs_shows_the_job() -> None:
    granted, waiting = claim(1, granted=True), claim(2, priority=9)
    assert not may_start(waiting, [granted, waiting], slots(19, 0, DRS), NOW), "the 20th job is given away"
    assert may_start(waiting, [granted, waiting], slots(18, 0, DRS), NOW)


claims = st.lists(
    st.builds(
        claim,
        batch=st.integers(1, 50),
        servers=st.integers(1, 100),
        priority=st.sampled_from([1.0, 5.0, 9.0]),
        age=st.integers(0, 400),
        granted=st.booleans(),
    ),
    max_size=30,
    unique_by=lambda one: one.batch,
)


@given(claims, st.integers(0, 20), st.integers(0, 500))
def test_however_they_ask_the_quotas_stand_and_the_first_in_line_goes(
    asked: list[Claim], jobs: int, servers: int
) -> None:
    left = slots(jobs, servers, DRS)
    known = [one for one in asked if (NOW - datetime.fromisoformat(one.seen_at)) <= LEASE]
    granted = [one for one in known if one.granted_at]
    waiting = [one for one in known if not one.granted_at]
    now = list(known)
    started = []
    for one in sorted(waiting, key=lambda c: c.batch):  # they ask in any order
        if may_start(one, now, left, NOW):
            started.append(one)
            now[now.index(one)] = replace(one, granted_at=one.seen_at)
    if started:
        assert len(granted) + len(started) <= left.jobs
        assert sum(one.servers for one in [*granted, *started]) <= left.servers
    free = left
    for one in granted:
        free = free.less(one.servers)
    if waiting and free.fit(500):
        assert min(waiting, key=lambda c: (-c.priority, c.asked_at, c.batch)) in started


@given(claims, st.integers(0, 20), st.integers(0, 500))
def test_who_is_next_may_start_and_no_other(asked: list[Claim], jobs: int, servers: int) -> None:
    left = slots(jobs, servers, DRS)
    chosen = next_to_start(asked, left, NOW)
    assert chosen == [one for one in in_line(asked) if one in chosen], "in the order of the line"
    for one in asked:
        if not one.granted_at and not lapsed(one, NOW):
            assert may_start(one, asked, left, NOW) is (one in chosen)


@given(st.floats(0, 1e6), st.integers(1, 1000))
def test_waits_are_neither_busy_nor_endless(age: float, instances: int) -> None:
    assert 10 <= launch_wait(age) <= 240
    assert 5 <= boot_wait(age, instances) <= 60
    assert 10 <= slot_wait(age, first=True, finishing=False) <= 60
    assert slot_wait(None, first=True, finishing=False) == 10


@given(st.none() | st.floats(0, 1e6), st.booleans(), st.booleans())
def test_only_the_first_in_line_polls_often_and_all_keep_their_claims(
    age: float | None, first: bool, finishing: bool
) -> None:
    wait = slot_wait(age, first=first, finishing=finishing)
    assert (wait <= 60) is first
    assert (wait < 10) is (first and finishing)
    assert 2 * wait < LEASE.total_seconds()
