"""What a preparation that accepts replaced targets lifts, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

from shared.model.execution import ExecutionRecord
from shared.rules.plan.requests import parse_request
from shared.rules.preparation.accepting import (
    accepted_names,
    accepting,
    is_accepted,
    undo_problems,
    unknown_servers,
)
from tests.makers import execution, record


def asking(*names: str) -> ExecutionRecord:
    asked = execution()
    return replace(asked, request={**asked.request, **accepting(names)})


def test_only_the_changed_pair_of_the_named_servers_is_lifted() -> None:
    request = parse_request({"plan": "erp", "dryRun": True, **accepting(["db-1"])})
    [override] = request.overrides
    assert (override.check, override.servers) == ("PAIR_CHANGED", ("db-1",))
    assert accepting([]) == {}
    assert accepted_names(asking("db-1")) == {"db-1"}
    assert accepted_names(execution()) == frozenset()


def test_a_server_is_named_by_its_name_or_its_id() -> None:
    server = record(name="db-1")
    assert is_accepted(server, {"db-1"})
    assert is_accepted(server, {server.source_server_id})
    assert not is_accepted(server, {"db-2"})


def test_a_name_that_no_server_has_is_answered_with_the_nearest() -> None:
    servers = [record(name="db-1")]
    assert unknown_servers(asking("db-1"), servers) is None
    for name, remedy in (("db1", "Write 'db-1' instead of 'db1'"), ("mail", "a name or source server id")):
        found = unknown_servers(asking(name, "db-1"), servers)
        assert found is not None
        assert remedy in found.remedy


def test_an_undo_accepts_nothing() -> None:
    assert [one.path for one in undo_problems({"plan": "erp", "undo": True, "acceptPairs": ["a"]})] == [
        "acceptPairs"
    ]
    assert undo_problems({"plan": "erp", "acceptPairs": ["a"]}) == ()
    assert undo_problems(None) == ()
