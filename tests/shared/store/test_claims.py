"""Claims on slots: renewed without losing the place in line, granted to one at a time, dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shared.rules.waves.slots import Claim
from shared.store import ClaimStore
from tests.handlers.estate import RECOVERY, Estate


def claim(estate: Estate, batch: int) -> Claim:
    return Claim("execution-1", "web", batch, 100, 1.0, asked_at=estate.now, seen_at=estate.now)


def test_asking_again_keeps_the_place_in_line(estate: Estate) -> None:
    claims = ClaimStore(estate.store.table_name, RECOVERY)
    first = claim(estate, 1)
    assert not claims.grant(first, estate.clock.now(), lambda own, _: False).granted
    estate.clock.advance(60)
    assert not claims.grant(claim(estate, 1), estate.clock.now(), lambda own, _: False).granted
    [kept] = claims.all()
    assert (kept.asked_at, kept.seen_at) == (first.asked_at, estate.now)
    claims.drop([kept])
    assert claims.all() == []


def test_two_who_saw_the_same_slot_do_not_both_get_it(estate: Estate) -> None:
    """The second reads before the first is granted, and is judged again when it finds that out."""
    claims = ClaimStore(estate.store.table_name, RECOVERY)
    seen: list[int] = []

    def second(own: Claim, others: Sequence[Claim]) -> bool:
        if not seen:
            assert claims.grant(claim(estate, 1), estate.clock.now(), lambda _own, _others: True).granted
        seen.append(sum(other.granted_at is not None for other in others))
        return not any(other.granted_at for other in others)

    assert not claims.grant(claim(estate, 2), estate.clock.now(), second).granted
    assert seen == [0, 1]
    assert {one.batch: bool(one.granted_at) for one in claims.all()} == {1: True, 2: False}


def test_an_execution_that_ends_leaves_no_claim_and_those_of_others(estate: Estate) -> None:
    """Found by scenario role-lost, seed 1: a batch that is never started asked for a slot once."""
    claims = ClaimStore(estate.store.table_name, RECOVERY)
    other = replace(claim(estate, 1), execution_id="execution-10")
    claims.put([claim(estate, 1), claim(estate, 2), other], estate.clock.now())
    claims.forget("execution-1")
    assert claims.all() == [other]
