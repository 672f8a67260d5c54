"""Which instances are contested, and which claims count."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.model.pair import PairRecord
from shared.rules.originals.claims import ambiguity, contested_originals, running_there
from tests.makers import ELSEWHERE, RECOVERY, instance_id, server_id, source_server

NOW = datetime(2026, 1, 3, tzinfo=UTC)
RECENTLY, LONG_AGO = "2026-01-02T23:59:00Z", "2026-01-01T23:00:00Z"
X = instance_id(9)


def claiming(number: int, **more: Any) -> Any:
    return source_server(number, **{"original_instance_id": X, "last_seen": RECENTLY, **more})


def pair(number: int, side: str = "RECOVERY", **more: Any) -> PairRecord:
    values: dict[str, Any] = {
        "source_server_id": server_id(number),
        "name": f"app-{number}",
        "scope": RECOVERY,
        "pair_instance_id": instance_id(number),
        "original_instance_id": X,
        "private_ip": None,
        "original_private_ip": None,
        "staging_account": None,
        "workload_side": side,
    }
    return PairRecord(**(values | more))


def test_two_live_servers_of_one_scope_are_both_ambiguous() -> None:
    (found,) = contested_originals(RECOVERY, [claiming(1), claiming(2), source_server(3)], [], NOW)
    assert found.original_instance_id == X
    assert [one.source_server_id for one in ambiguity(found, server_id(1))] == [server_id(2)]
    assert [one.source_server_id for one in ambiguity(found, server_id(2))] == [server_id(1)]


@pytest.mark.parametrize(
    "dead",
    [
        {"replication_state": "DISCONNECTED"},
        {"replication_state": "STOPPED"},
        {"last_seen": LONG_AGO},
        {"last_seen": None},
    ],
)
def test_a_dead_record_does_not_count_beside_a_live_one(dead: dict[str, Any]) -> None:
    (found,) = contested_originals(RECOVERY, [claiming(1), claiming(2, **dead)], [], NOW)
    assert ambiguity(found, server_id(1)) == ambiguity(found, server_id(2)) == ()


def test_in_a_disaster_none_is_seen_and_all_count() -> None:
    both = [claiming(1, last_seen=LONG_AGO), claiming(2, last_seen=LONG_AGO)]
    (found,) = contested_originals(RECOVERY, both, [], NOW)
    assert ambiguity(found, server_id(1))


@pytest.mark.parametrize(
    ("recorded", "counts"),
    [
        (pair(2, scope=ELSEWHERE), True),  # of another site or plan: only the record is known
        (pair(2), False),  # its source server is not in this scope any more
        (pair(1), None),  # its own
    ],
)
def test_a_record_of_another_server_claims_too(recorded: PairRecord, counts: bool | None) -> None:
    found = contested_originals(RECOVERY, [claiming(1)], [recorded], NOW)
    assert bool(found) is (counts is not None)
    assert all(bool(ambiguity(one, server_id(1))) is counts for one in found)


def test_a_workload_that_runs_there_by_a_dead_record_is_still_seen() -> None:
    dead = claiming(2, replication_state="DISCONNECTED")
    (found,) = contested_originals(RECOVERY, [claiming(1), dead], [pair(2, "ORIGIN")], NOW)
    assert not ambiguity(found, server_id(1))
    assert [one.source_server_id for one in running_there(found, server_id(1))] == [server_id(2)]
    assert running_there(found, server_id(2)) == ()


def test_reversed_servers_claim_no_original() -> None:
    servers = [claiming(1), claiming(2, replication_direction="FAILBACK")]
    assert contested_originals(RECOVERY, servers, [], NOW) == []
