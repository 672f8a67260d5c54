"""The tables of plans and of pairs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from functions.configuration import store_plan
from shared.model.pair import PairRecord
from shared.rules.plan.parsing import PlanInvalidError
from tests.handlers.estate import RECOVERY, Estate, plan_document
from tests.handlers.wire import Wire


def pair(number: int) -> PairRecord:
    return PairRecord(
        source_server_id=f"s-{number:017d}",
        name=f"web-{number}",
        scope=RECOVERY,
        pair_instance_id=f"i-{number:017x}",
        original_instance_id=None,
        private_ip="10.0.0.1",
        original_private_ip=None,
        staging_account=None,
        workload_side="RECOVERY",
    )


def test_a_plan_is_stored_and_replaced(estate: Estate) -> None:
    first = store_plan.handler({"plan": plan_document(), "now": estate.now}, None)
    assert first == {
        "plan": "erp",
        "sites": ["main"],
        "waves": ["data", "web"],
        "replaced": False,
        "preparation": None,
    }
    second = store_plan.handler({"plan": plan_document(description="new")}, None)
    assert second["replaced"]
    assert (estate.plans.get("erp") or {})["description"] == "new"


@pytest.mark.parametrize("document", [None, {}, {"name": "erp"}, plan_document(surprise=1)])
def test_a_bad_plan_is_not_stored(estate: Estate, document: object) -> None:
    with pytest.raises(PlanInvalidError):
        store_plan.handler({"plan": document}, None)
    assert estate.plans.names() == []


def test_all_plans_are_named_though_they_fill_more_than_one_answer(estate: Estate) -> None:
    """DynamoDB answers a scan with at most 1 MB, counted before the projection."""
    for number in range(4):
        estate.plans.put(plan_document(name=f"plan-{number}", description="x" * 350_000), estate.clock.now())
    assert estate.plans.names() == ["plan-0", "plan-1", "plan-2", "plan-3"]
    assert estate.plans.get("unknown") is None


def test_pairs_are_kept_by_server_and_read_by_the_hundred(estate: Estate, wire: Wire) -> None:
    pairs = [pair(number) for number in range(101)]
    assert all(estate.pairs.put(pairs))
    wire.clear()
    ids = [pair.source_server_id for pair in pairs]
    assert estate.pairs.get([*ids, "s-unknown"]) == {
        key: replace(pair, revision=1) for key, pair in zip(ids, pairs, strict=True)
    }
    assert len(wire.of("BatchGetItem")) == 2
    assert estate.pairs.get([]) == {}
