"""An old word in a document is refused, and the remedy names the new word."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.rules.plan.contracts import SCHEMA_FOLDER, SCHEMAS, problems
from shared.rules.plan.old_words import OLD_FIELDS, OLD_VALUES
from shared.rules.plan.requests import RequestInvalidError, parse_request
from tests.makers import plan_document

MESSAGE = {"executionId": "erp-1", "by": "ana", "reason": "why"}
RETRY = MESSAGE | {"action": "RETRY"}


@pytest.mark.parametrize(
    ("schema", "document", "path", "remedy"),
    [
        ("request", {"plan": "erp", "only": {}}, "only", "Write 'servers', 'sites' or 'retryOf'."),
        ("request", {"plan": "erp", "notRecoveredIn": "x"}, "notRecoveredIn", "Write 'retryOf'."),
        ("request", {"plan": "erp", "alsoBlocked": True}, "alsoBlocked", "Write 'retryBlocked'."),
        ("request", {"plan": "erp", "onBlocked": "GO_ON"}, "onBlocked", "Write CONTINUE."),
        (
            "control",
            MESSAGE | {"action": "RETRY", "alsoBlocked": True},
            "alsoBlocked",
            "Write 'retryBlocked'.",
        ),
        ("control", MESSAGE | {"action": "RESUME", "hold": "0001"}, "hold", "Write 'pause'."),
        ("control", MESSAGE | {"action": "SKIP", "dependants": "SKIP"}, "dependants", "Write 'dependents'."),
        ("control", MESSAGE | {"action": "SKIP", "dependents": "GO_ON"}, "dependents", "Write CONTINUE."),
        ("plan", {"policies": {"onBlocked": "GO_ON"}}, "policies.onBlocked", "Write CONTINUE."),
        (
            "plan",
            {"policies": {"failback": {"laggards": "WAIT"}}},
            "policies.failback.laggards",
            "Write 'onReplicationTimeout'.",
        ),
        (
            "plan",
            {"policies": {"failback": {"onReplicationTimeout": "LEAVE_BEHIND"}}},
            "policies.failback.onReplicationTimeout",
            "Write SKIP.",
        ),
        (
            "plan",
            {"matching": {"spellingTolerance": 1}},
            "matching.spellingTolerance",
            "Write 'maxEditDistance'.",
        ),
    ],
)
def test_an_old_word_is_refused_with_the_new_one(
    schema: str, document: dict[str, Any], path: str, remedy: str
) -> None:
    whole = plan_document(**document) if schema == "plan" else document
    assert [(problem.path, problem.remedy) for problem in problems(whole, schema)] == [(path, remedy)]


def test_an_old_word_in_an_event_is_refused_with_the_new_one() -> None:
    event = {
        "source": "drs-orchestrator.dr",
        "detail-type": "Disaster Declared",
        "detail": {"plan": "erp", "reason": "why", "onBlocked": "GO_ON"},
    }
    assert [problem.remedy for problem in problems(event, "dr-event")] == ["Write CONTINUE."]


def test_an_old_code_of_a_check_is_refused_with_the_new_one() -> None:
    override = {"check": "RECOVERY_INSTANCE_UNWELL", "reason": "why"}
    with pytest.raises(RequestInvalidError, match="Write 'RECOVERY_INSTANCE_UNHEALTHY'"):
        parse_request({"plan": "erp", "mode": "FAILBACK", "overrides": [override]})


def test_no_old_word_is_left_in_a_schema() -> None:
    old = {*OLD_FIELDS, *OLD_VALUES}

    def words(node: Any) -> set[str]:
        if isinstance(node, dict):
            return {*node.get("properties", {}), *(w for inner in node.values() for w in words(inner))}
        if isinstance(node, list):
            return {w for inner in node for w in words(inner)} | {w for w in node if isinstance(w, str)}
        return set()

    for name in SCHEMAS:
        schema = json.loads((SCHEMA_FOLDER / f"{name}.schema.json").read_text("utf-8"))
        assert not words(schema) & old, name
