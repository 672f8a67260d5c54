"""PlanWaves: waves, batches, the estimate, and the decision to proceed."""

from __future__ import annotations

from typing import Any

import pytest

from functions.configuration import plan_waves
from tests.handlers.estate import Estate, plan_document


def test_waves_batches_and_the_estimate_are_planned_once(estate: Estate) -> None:
    estate.add_pairs("db-1", "web-1", "web-2")
    estate.reach("DECIDED")
    answer = estate.call(plan_waves)
    assert (answer["decision"], answer["ready"], answer["blocked"]) == ("PROCEED", 3, 0)
    assert answer["waves"] == [
        {"name": "data", "executionName": "execution-1-data"},
        {"name": "web", "executionName": "execution-1-web"},
    ]
    assert answer["estimateSeconds"] == estate.store.execution("execution-1").estimate_seconds
    assert answer["estimateSeconds"] > 0
    assert {name: server.batch for name, server in estate.servers().items()} == {
        "db-1": 1,
        "web-1": 1,
        "web-2": 1,
    }
    assert (estate.wave("web").servers, estate.wave("web").batches) == (2, 1)
    assert estate.wave("web").depends_on == ("data",)
    assert estate.call(plan_waves) == answer


@pytest.mark.parametrize(
    ("names", "request_fields", "decision"),
    [
        (["db-1"], {}, "BLOCKED"),
        (["db-1"], {"onBlocked": "CONTINUE"}, "PROCEED"),
        (["db-1"], {"dryRun": True}, "BLOCKED"),
        (["db-1"], {"dryRun": True, "onBlocked": "CONTINUE"}, "DRY_RUN"),
        ([], {"onBlocked": "CONTINUE"}, "NOTHING_TO_DO"),
    ],
)
def test_blocked_servers_and_the_policy_decide(
    estate: Estate, names: list[str], request_fields: dict[str, Any], decision: str
) -> None:
    estate.add_servers("web-1")  # no target
    if names:
        estate.add_pairs(*names)
    estate.reach("DECIDED", **request_fields)
    assert estate.call(plan_waves)["decision"] == decision


def test_names_of_wave_executions_fit_and_differ(estate: Estate) -> None:
    estate.add_servers("web-1")
    estate.execution_id = "e" * 80
    waves = [{"name": "w" * 60 + end, "servers": {"names": [f"{end}-*"]}} for end in ("a", "b")]
    estate.reach("DECIDED", plan_document(waves=waves))
    names = [wave["executionName"] for wave in estate.call(plan_waves)["waves"]]
    assert len(set(names)) == 2
    assert all(len(name) <= 80 for name in names)
