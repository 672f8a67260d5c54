"""Locks: who takes, who waits, who may take over, who may let go."""

from __future__ import annotations

import json

from botocore.awsrequest import AWSResponse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.store import plan_lock, server_lock
from tests.handlers.estate import Estate, environment
from tests.handlers.wire import Call, Wire


def none(holder: str) -> bool:
    """No execution is over."""
    return False


def everyone(holder: str) -> bool:
    return True


def test_a_free_lock_is_taken_once_and_again_by_its_holder(estate: Estate) -> None:
    assert estate.locks.take([plan_lock("erp")], "one", none) == {}
    assert estate.locks.take([plan_lock("erp")], "one", none) == {}
    assert estate.locks.holders([plan_lock("erp")]) == {"PLAN#erp": "one"}


def test_a_taken_lock_names_its_holder_and_leaves_the_others_taken(estate: Estate) -> None:
    estate.locks.take([server_lock("s-2")], "one", none)
    taken = estate.locks.take([server_lock(f"s-{n}") for n in (1, 2, 3)], "two", none)
    assert taken == {"SERVER#s-2": "one"}
    assert estate.locks.holders([server_lock(f"s-{n}") for n in (1, 2, 3, 4)]) == {
        "SERVER#s-1": "two",
        "SERVER#s-2": "one",
        "SERVER#s-3": "two",
    }


def test_the_lock_of_an_execution_that_is_over_is_taken_over(estate: Estate) -> None:
    asked: list[str] = []

    def is_over(holder: str) -> bool:
        asked.append(holder)
        return holder == "dead"

    estate.locks.take([server_lock("s-1"), server_lock("s-2")], "dead", none)
    estate.locks.take([server_lock("s-3")], "alive", none)
    taken = estate.locks.take([server_lock(f"s-{n}") for n in (1, 2, 3)], "new", is_over)
    assert taken == {"SERVER#s-3": "alive"}
    assert estate.locks.holders([server_lock("s-1")]) == {"SERVER#s-1": "new"}
    assert sorted(asked) == ["alive", "dead"], "each holder is asked about once"


def test_a_lock_that_is_let_go_during_the_take_over_is_taken(estate: Estate) -> None:
    estate.locks.take([plan_lock("erp")], "dead", none)

    def lets_go(holder: str) -> bool:
        estate.locks.release([plan_lock("erp")], holder)
        return True

    assert estate.locks.take([plan_lock("erp")], "new", lets_go) == {}
    assert estate.locks.holders([plan_lock("erp")]) == {"PLAN#erp": "new"}


def test_a_lock_that_a_faster_execution_took_over_stays_with_them(estate: Estate) -> None:
    estate.locks.take([plan_lock("erp")], "dead", none)

    def faster(holder: str) -> bool:
        estate.locks.take([plan_lock("erp")], "faster", everyone)
        return True

    assert estate.locks.take([plan_lock("erp")], "slower", faster) == {"PLAN#erp": "dead"}
    assert estate.locks.holders([plan_lock("erp")]) == {"PLAN#erp": "faster"}


def test_only_own_locks_are_let_go(estate: Estate) -> None:
    estate.locks.take([server_lock("s-1")], "one", none)
    estate.locks.take([server_lock("s-2")], "two", none)
    estate.locks.release([server_lock(f"s-{n}") for n in (1, 2, 3)], "one")
    assert estate.locks.holders([server_lock("s-1"), server_lock("s-2")]) == {"SERVER#s-2": "two"}
    estate.locks.release([server_lock("s-1")], "one")


def test_more_than_a_hundred_locks_are_taken_and_read(estate: Estate, wire: Wire) -> None:
    locks = [server_lock(f"s-{number}") for number in range(101)]
    assert estate.locks.take(locks, "one", none) == {}
    wire.clear()
    assert len(estate.locks.take(locks, "two", none)) == 101
    assert len(wire.of("BatchGetItem")) == 2


def test_keys_that_dynamodb_leaves_out_are_asked_for_again(estate: Estate, wire: Wire) -> None:
    estate.locks.take([server_lock("s-1"), server_lock("s-2")], "one", none)
    table = environment()["EXECUTIONS_TABLE"]

    def half(call: Call) -> AWSResponse | None:
        keys = json.loads(call.body)["RequestItems"][table]["Keys"]
        if len(keys) == 1:
            return None
        body = json.dumps(
            {"Responses": {table: []}, "UnprocessedKeys": {table: {"Keys": keys[:1], "ConsistentRead": True}}}
        )
        return call.answer(200, body.encode())

    wire.on("dynamodb", "BatchGetItem", half)
    assert estate.locks.holders([server_lock("s-1"), server_lock("s-2")]) == {"SERVER#s-1": "one"}


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sets(st.integers(1, 4), min_size=1), st.booleans())))
def test_a_lock_has_one_holder_whatever_the_order(
    estate: Estate, steps: list[tuple[str, set[int], bool]]
) -> None:
    all_locks = [server_lock(f"s-{number}") for number in range(1, 5)]
    for holder in "abc":
        estate.locks.release(all_locks, holder)
    expected: dict[str, str] = {}
    for who, numbers, takes in steps:
        locks = [server_lock(f"s-{number}") for number in sorted(numbers)]
        if takes:
            taken = estate.locks.take(locks, who, none)
            assert taken == {lock: expected[lock] for lock in locks if expected.get(lock, who) != who}
            expected |= {lock: who for lock in locks if lock not in expected}
        else:
            estate.locks.release(locks, who)
            expected = {k: v for k, v in expected.items() if not (k in locks and v == who)}
    assert estate.locks.holders(all_locks) == expected
