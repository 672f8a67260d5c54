"""Conditional writes: all at once where they may, one by one where some may not."""

from __future__ import annotations

import json
import random
from types import SimpleNamespace
from typing import Any

import boto3
import botocore.endpoint
import pytest

from shared.aws.errors import ThrottledError, calling
from shared.store.reads import read
from shared.store.writes import (
    delete_all,
    delete_if,
    put_all,
    put_if,
    put_once,
    set_if,
    write,
    write_one,
    write_together,
)
from tests.handlers.estate import Estate, environment
from tests.handlers.wire import Call, Wire

TABLE = environment()["EXECUTIONS_TABLE"]


def item(number: int, **values: Any) -> dict[str, Any]:
    return {"pk": f"EXECUTION#{number}", "sk": "ITEM", **values}


def key(number: int) -> dict[str, str]:
    return {"pk": f"EXECUTION#{number}", "sk": "ITEM"}


@pytest.fixture
def table(estate: Estate, wire: Wire) -> Any:
    return boto3.resource("dynamodb").Table(TABLE)


def stored(table: Any, number: int) -> dict[str, Any] | None:
    found: dict[str, Any] | None = table.get_item(Key=key(number)).get("Item")
    return found


def test_nothing_to_write_is_no_call(table: Any, wire: Wire) -> None:
    wire.clear()
    assert write([]) == []
    assert not wire.calls


def test_many_are_written_by_the_hundred(table: Any, wire: Wire) -> None:
    wire.clear()
    assert write([put_once(TABLE, item(number)) for number in range(201)]) == [True] * 201
    assert wire.count() == {"TransactWriteItems": 2, "PutItem": 1}
    assert table.scan()["Count"] == 201


def test_one_refused_condition_does_not_keep_its_neighbours_back(table: Any, wire: Wire) -> None:
    table.put_item(Item=item(3, holder="first"))
    wire.clear()
    done = write([put_once(TABLE, item(number, holder="second")) for number in range(5)])
    assert done == [True, True, True, False, True]
    assert wire.count() == {"TransactWriteItems": 2}
    assert (stored(table, 3) or {})["holder"] == "first"
    assert (stored(table, 4) or {})["holder"] == "second"


def test_the_answer_of_each_operation_stands_in_its_place_across_transactions(table: Any) -> None:
    table.put_item(Item=item(0))
    table.put_item(Item=item(150))
    done = write([put_once(TABLE, item(number)) for number in range(160)])
    assert [place for place, written in enumerate(done) if not written] == [0, 150]


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (put_if(TABLE, item(1, holder="b"), "holder = :a", {":a": "a"}), True),
        (put_if(TABLE, item(1, holder="b"), "holder = :a", {":a": "z"}), False),
        (delete_if(TABLE, key(1), "holder = :a", {":a": "a"}), True),
        (delete_if(TABLE, key(1), "holder = :a", {":a": "z"}), False),
        (delete_if(TABLE, key(2), "holder = :a", {":a": "a"}), False),
        (set_if(TABLE, key(1), {"reason": "x"}, "#status = :open", {":open": "OPEN"}), True),
        (set_if(TABLE, key(1), {"reason": "x"}, "#status = :open", {":open": "SHUT"}), False),
        (set_if(TABLE, key(2), {"reason": "x"}, "attribute_exists(pk)", {}), False),
    ],
)
def test_an_operation_says_whether_its_condition_was_met(
    table: Any, operation: dict[str, Any], expected: bool
) -> None:
    table.put_item(Item=item(1, holder="a", status="OPEN"))
    assert write_one(operation) is expected


def test_setting_none_takes_a_field_away_and_names_are_camel_case(table: Any) -> None:
    table.put_item(Item=item(1, approvalToken="token", endedAt="then"))
    assert write_one(
        set_if(TABLE, key(1), {"approval_token": None, "ended_at": "now"}, "attribute_exists(pk)", {})
    )
    assert stored(table, 1) == item(1, endedAt="now")


def test_a_write_that_meets_a_transaction_is_repeated(table: Any, wire: Wire) -> None:
    """Found by scenario conflicts, seed 1."""
    answers = iter([True, True, False])

    def refuse(call: Call) -> Any:
        conflict = (
            b'{"__type": "TransactionConflictException", "message": "Transaction is ongoing for the item"}'
        )
        return call.answer(400, conflict) if next(answers) else None

    wire.on("dynamodb", "PutItem", refuse)
    assert write_one(put_once(TABLE, item(1))) is True
    assert stored(table, 1) == item(1)


def test_a_single_write_whose_answer_was_lost_is_known_again_where_that_matters(
    table: Any, wire: Wire
) -> None:
    """Found by scenario answers-lost, seed 20."""
    table.put_item(Item=item(1, status="READY"))
    change = set_if(TABLE, key(1), {"status": "CONFIGURED"}, "#status = :ready", {":ready": "READY"})
    tokens: list[str] = []

    def lose(call: Call) -> Any:
        tokens.append(json.loads(call.body)["ClientRequestToken"])
        if len(tokens) > 1:
            return None
        write_one(change)
        return call.answer(500, b'{"__type": "InternalServerError", "message": "lost"}')

    wire.on("dynamodb", "TransactWriteItems", lose)
    write([change], exact=True)
    assert len(tokens) == 2
    assert len(set(tokens)) == 1


def test_a_transaction_of_one_that_meets_another_is_repeated(table: Any, wire: Wire) -> None:
    answers = iter([True, True, False])

    def refuse(call: Call) -> Any:
        cancelled = {
            "__type": "TransactionCanceledException",
            "message": "Transaction cancelled",
            "CancellationReasons": [{"Code": "TransactionConflict"}],
        }
        return call.answer(400, json.dumps(cancelled).encode()) if next(answers) else None

    wire.on("dynamodb", "TransactWriteItems", refuse)
    assert write([put_once(TABLE, item(1))], exact=True) == [True]
    assert stored(table, 1) == item(1)


def cancelled(call: Call, *codes: str) -> Any:
    reasons = [{"Code": code} for code in codes]
    body = {"__type": "TransactionCanceledException", "message": "cancelled", "CancellationReasons": reasons}
    return call.answer(400, json.dumps(body).encode())


PASSING = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"]


@pytest.mark.parametrize("code", PASSING)
@pytest.mark.parametrize("exact", [True, False])
def test_a_throttled_write_is_tried_again_and_is_not_another_writer(
    table: Any, wire: Wire, code: str, exact: bool
) -> None:
    answers = iter([True, True, False])
    wire.on("dynamodb", "TransactWriteItems", lambda c: cancelled(c, code, "None") if next(answers) else None)
    assert write([put_once(TABLE, item(1)), put_once(TABLE, item(2))], exact=exact) == [True, True]
    assert table.scan()["Count"] == 2


def test_another_writer_is_found_among_throttled_operations(table: Any, wire: Wire) -> None:
    table.put_item(Item=item(2, holder="first"))
    answers = iter(
        [["ThrottlingError", "ConditionalCheckFailed", "None"], ["TransactionConflict", "None"], []]
    )

    def refuse(call: Call) -> Any:
        codes = next(answers)
        return cancelled(call, *codes) if codes else None

    wire.on("dynamodb", "TransactWriteItems", refuse)
    assert write([put_once(TABLE, item(number)) for number in (1, 2, 3)], exact=True) == [True, False, True]
    assert (stored(table, 2) or {})["holder"] == "first"


@pytest.mark.parametrize("code", PASSING)
@pytest.mark.parametrize("count", [1, 3])
def test_throttling_that_does_not_end_is_an_error_that_the_machines_retry(
    table: Any, wire: Wire, code: str, count: int
) -> None:
    wire.on("dynamodb", "TransactWriteItems", lambda call: cancelled(call, code, *["None"] * (count - 1)))
    operations = [put_once(TABLE, item(number)) for number in range(count)]
    with pytest.raises(ThrottledError), calling("CloseWave", "the orchestration account"):
        write(operations, exact=True)
    with pytest.raises(ThrottledError), calling("CloseWave", "the orchestration account"):
        write_together(operations)
    assert table.scan()["Count"] == 0


def test_a_transaction_that_is_not_valid_is_no_other_writer(table: Any, wire: Wire) -> None:
    wire.on("dynamodb", "TransactWriteItems", lambda call: cancelled(call, "ValidationError", "None"))
    with pytest.raises(Exception, match="TransactionCanceledException"):
        write([put_once(TABLE, item(1)), put_once(TABLE, item(2))])


def test_other_failures_of_dynamodb_are_not_swallowed(table: Any) -> None:
    missing = {"Put": {**put_once(TABLE, item(1))["Put"], "TableName": "no-such-table"}}
    with pytest.raises(Exception, match="ResourceNotFoundException"):
        write_one(missing)
    with pytest.raises(Exception, match="ResourceNotFoundException"):
        write([missing, missing])


def test_of_a_batch_the_last_item_of_a_key_is_put_and_keys_are_deleted(table: Any, wire: Wire) -> None:
    items = [item(number) for number in range(30)]
    wire.clear()
    put_all(TABLE, [*items, item(7, holder="last")])
    assert wire.count() == {"BatchWriteItem": 2}
    assert table.scan()["Count"] == 30
    assert stored(table, 7) == item(7, holder="last")
    delete_all(TABLE, [key(number) for number in range(40)])
    assert table.scan()["Count"] == 0


def leftovers(wire: Wire, operation: str, member: str, times: int) -> None:
    """The next answers to ``operation`` leave over all that was asked for."""
    left = iter(range(times))

    def answer(call: Call) -> Any:
        if next(left, None) is None:
            return None
        body = {member: json.loads(call.body)["RequestItems"], "Responses": {}}
        return call.answer(200, json.dumps(body).encode())

    wire.on("dynamodb", operation, answer)


BATCHES = [
    ("BatchWriteItem", "UnprocessedItems", lambda: put_all(TABLE, [item(1), item(2)])),
    ("BatchWriteItem", "UnprocessedItems", lambda: delete_all(TABLE, [key(1), key(2)])),
    ("BatchGetItem", "UnprocessedKeys", lambda: list(read(TABLE, [key(1), key(2)]))),
]


@pytest.mark.parametrize(("operation", "member", "call"), BATCHES)
def test_what_a_batch_leaves_over_is_tried_again_after_growing_pauses(
    table: Any, wire: Wire, monkeypatch: pytest.MonkeyPatch, operation: str, member: str, call: Any
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=pauses.append))
    monkeypatch.setattr(random, "uniform", lambda low, high: high)
    table.put_item(Item=item(1))
    table.put_item(Item=item(2))
    leftovers(wire, operation, member, times=3)
    found = call()
    assert pauses == [0.05, 0.1, 0.2]
    if operation == "BatchGetItem":
        assert len(found) == 2


@pytest.mark.parametrize(("operation", "member", "call"), BATCHES)
def test_leftovers_that_do_not_end_are_an_error_that_the_machines_retry(
    table: Any, wire: Wire, operation: str, member: str, call: Any
) -> None:
    leftovers(wire, operation, member, times=99)
    with pytest.raises(ThrottledError), calling("MatchInstances", "the orchestration account"):
        call()
