"""A recovery plan of DRS itself that runs, as its lists show it."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.drs_emulator.world import World


def test_a_running_plan_is_listed_with_its_server_until_its_end() -> None:
    world = World()
    server = world.server()
    world.server()
    assert world.client.list_recovery_plan_executions()["recoveryPlanExecutions"] == []
    world.fault("NATIVE_PLAN_RUNS", server=server, seconds=120)

    [run] = world.client.list_recovery_plan_executions(status="IN_PROGRESS")["recoveryPlanExecutions"]
    assert world.client.list_recovery_plan_executions(status="COMPLETED")["recoveryPlanExecutions"] == []
    arn = run["recoveryPlanExecutionArn"]
    [step] = world.client.list_recovery_plan_execution_steps(recoveryPlanExecutionArn=arn)[
        "recoveryPlanExecutionSteps"
    ]
    [listed] = step["configuration"]["executionServerStepConfiguration"]["servers"]
    assert listed["serverArn"].endswith(f"/{server}")

    world.clock.advance(121)
    assert world.client.list_recovery_plan_executions()["recoveryPlanExecutions"] == []
    with pytest.raises(ClientError, match="not found"):
        world.client.list_recovery_plan_execution_steps(recoveryPlanExecutionArn=arn)
