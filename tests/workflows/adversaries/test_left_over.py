"""What a failback that was killed late leaves is retired by what comes next, and blocks nothing."""

from __future__ import annotations

import os
from typing import Any

import pytest

from local.simulation.call_faults import CallFault, CallFaultKind
from tests.local.simulation.world import ORIGIN, RECOVERY
from tests.workflows.failback_stage import World, away, back, fail_back, reversed_server
from tests.workflows.killing import reach, send_end
from tests.workflows.stage import Stage, group

LATE = [("Reprotect", 900), ("WatchReprotection", 900), ("WatchReprotection", 0)]


def _killed(here: Stage, state: str, *, later: int, closed: bool = True) -> None:
    first = here.start("killed", mode="FAILBACK")
    reach(here, "reprotect", state, "killed")
    here.cloud.stop(first, "Operator", "killed")
    here.cloud.advance(5)
    if closed:
        send_end(here, first)
    here.cloud.advance(later)  # DRS goes on
    assert reversed_server(here, "app"), "killed before the recovery side was retired"


def _record(here: Stage, change: str, values: dict[str, Any] | None = None) -> None:
    here.cloud.client("dynamodb").update_item(
        TableName=os.environ["INSTANCE_PAIRS_TABLE"],
        Key={"sourceServerId": {"S": here.source("app")}},
        UpdateExpression=change,
        **({"ExpressionAttributeValues": values} if values else {}),
    )


def _serves_the_next_failback(here: Stage, before: World) -> None:
    assert reversed_server(here, "app")
    second = fail_back(here, "second")
    assert "REVERSED_LEFT_OVER" in second.codes("app")
    back(here, before, second)


def _recovery_instances(here: Stage) -> list[str]:
    places = (ORIGIN, RECOVERY)
    return [i["recoveryInstanceID"] for at in places for i in here.drs_state(at)["recoveryInstances"]]


@pytest.mark.parametrize(("state", "later"), LATE)
def test_a_drill_retires_it_first(state: str, later: int) -> None:
    with away(group("app")) as (here, before):
        _killed(here, state, later=later)
        drill = here.run("drill", mode="DRILL")
        assert drill.outcomes == {"app": "RETURNED"}
        assert "LEFTOVERS_REMAIN" not in drill.codes("app")
        assert reversed_server(here, "app") is None
        assert _recovery_instances(here) == []
        assert "reversedServerId" not in here.pairs()[here.source("app")]
        back(here, before)
        assert here.run("out-2").outcomes == {"app": "RECOVERED"}
        back(here, before, fail_back(here))


@pytest.mark.parametrize(("state", "later"), LATE)
def test_a_failover_tries_for_a_minute(state: str, later: int) -> None:
    with away(group("app")) as (here, before):
        _killed(here, state, later=later)
        began = here.cloud.clock.now()
        out = here.run("out-2")
        assert out.outcomes == {"app": "RECOVERED"}
        assert reversed_server(here, "app") is None
        assert "LEFTOVERS_REMAIN" not in out.codes("app")
        assert (here.cloud.clock.now() - began).total_seconds() < 420
        back(here, before, fail_back(here))


def test_a_failover_goes_on_with_them_and_the_next_failback_uses_them() -> None:
    """The origin is lost, and comes back when the workload has moved."""
    with away(group("app")) as (here, before):
        _killed(here, "WatchReprotection", later=900)
        here.cloud.fault(
            CallFault(CallFaultKind.DOWN, ("drs",), region=ORIGIN["region"], account=ORIGIN["account"])
        )
        began = here.cloud.clock.now()
        out = here.run("out-2")
        assert out.outcomes == {"app": "RECOVERED"}
        assert "LEFTOVERS_REMAIN" in out.codes("app")
        assert "ServiceUnavailable" in str(out.server("app")["findings"])
        assert (here.cloud.clock.now() - began).total_seconds() < 480
        here.cloud.heal()
        _serves_the_next_failback(here, before)


def test_a_drill_goes_on_without_in_the_end() -> None:
    with away(group("app")) as (here, _):
        _killed(here, "WatchReprotection", later=900)
        here.cloud.fault(CallFault(CallFaultKind.DENIED, ("drs",), ("StopReplication",)))
        drill = here.run("drill", mode="DRILL")
        assert drill.outcomes == {"app": "RETURNED"}
        assert "LEFTOVERS_REMAIN" in drill.codes("app")
        here.cloud.heal()
        assert here.run("drill-2", mode="DRILL").codes("app") == set()
        assert reversed_server(here, "app") is None


def test_a_server_that_a_forged_record_names_is_left_alone() -> None:
    """The record names it, DRS says that it replicates another machine: both must say the same."""
    with away(group("app")) as (here, _):
        _killed(here, "WatchReprotection", later=900)
        status, answer = here.cloud.drs.admin(
            "POST", "/source-servers", {**ORIGIN, "servers": [{"hostname": "foreign"}]}
        )
        assert status == 200, answer
        [foreign] = answer["sourceServerIDs"]
        _record(here, "SET reversedServerId = :id", {":id": {"S": foreign}})
        drill = here.run("drill", mode="DRILL")
        assert drill.outcomes == {"app": "RETURNED"}
        assert "LEFTOVERS_REMAIN" in drill.codes("app")
        assert foreign in {s["sourceServerID"] for s in here.drs_state(ORIGIN)["sourceServers"]}


def test_a_failback_that_no_record_names_leaves_a_server_that_serves_the_next_one() -> None:
    with away(group("app")) as (here, before):
        _killed(here, "WatchReprotection", later=900)
        _record(here, "REMOVE reversedServerId")
        out = here.run("out-2")
        assert out.outcomes == {"app": "RECOVERED"}
        _serves_the_next_failback(here, before)


def test_a_tidying_up_that_fails_stops_no_failover() -> None:
    with away(group("app")) as (here, _):
        _killed(here, "WatchReprotection", later=900)
        here.cloud.fail_function("RetireRecoveryFunction", error="Made")
        out = here.run("out-2")
        assert out.outcomes == {"app": "RECOVERED"}
        assert ("failover", "RetireLeftOvers", "States.TaskFailed") in out.result.caught
        assert reversed_server(here, "app")
