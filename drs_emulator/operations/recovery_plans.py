"""DRS's own recovery plans, as far as others see that one runs: the fault NATIVE_PLAN_RUNS is one."""

from __future__ import annotations

from typing import Any

from drs_emulator.errors import ResourceNotFoundError
from drs_emulator.faults import Fault
from drs_emulator.operations.registry import Call, operation
from drs_emulator.wire.omit_absent import present
from drs_emulator.wire.paging import page


@operation("ListRecoveryPlanExecutions")
def list_recovery_plan_executions(call: Call) -> dict[str, Any]:
    """Executions that run now; those that are over are not kept."""
    runs = _running(call) if call.params.get("status", "IN_PROGRESS") == "IN_PROGRESS" else {}
    found, token = page(
        "ListRecoveryPlanExecutions", call.params, call.core.settings, sorted(runs), lambda arn: arn
    )
    items = [_view(arn, runs[arn], "IN_PROGRESS") for arn in found]
    return present({"recoveryPlanExecutions": items, "nextToken": token})


@operation("ListRecoveryPlanExecutionSteps")
def list_recovery_plan_execution_steps(call: Call) -> dict[str, Any]:
    """The one step of such an execution, with its server."""
    arn, run = _named(call)
    servers = [
        {"serverArn": server.arn, "impactLevel": "CRITICAL"}
        for server in call.scope.servers.values()
        if run.concerns(server)
    ]
    step = {
        "recoveryPlanExecutionStepArn": f"{arn}/step/1",
        "stepName": "servers",
        "stepIndex": 1,
        "status": "EXECUTING",
        "configuration": {"executionServerStepConfiguration": {"servers": servers}},
    }
    return {"recoveryPlanExecutionSteps": [step]}


@operation("CancelRecoveryPlanExecution")
def cancel_recovery_plan_execution(call: Call) -> dict[str, Any]:
    """It is over at once."""
    arn, run = _named(call)
    run.until = call.core.now()
    return {"recoveryPlanExecution": _view(arn, run, "CANCELLED")}


def _view(arn: str, run: Fault, status: str) -> dict[str, Any]:
    return {
        "recoveryPlanExecutionArn": arn,
        "recoveryPlanArn": arn.split("/execution/")[0],
        "mode": "RECOVERY",
        "status": status,
        "startedAt": run.since.isoformat(),
    }


def _named(call: Call) -> tuple[str, Fault]:
    arn = call.params["recoveryPlanExecutionArn"]
    run = _running(call).get(arn)
    if run is None:
        raise ResourceNotFoundError(
            f"Recovery plan execution {arn} not found", resource_id=arn, kind="RECOVERY_PLAN_EXECUTION"
        )
    return arn, run


def _running(call: Call) -> dict[str, Fault]:
    """By the ARN of the execution; its form is a guess."""
    found = {}
    for fault in call.core.faults.in_force(call.core.now()):
        has_one = any(fault.concerns(server) for server in call.scope.servers.values())
        if fault.kind == "NATIVE_PLAN_RUNS" and has_one:
            plan = call.scope.arn("recovery-plan", f"rp-{fault.number:017x}")
            found[f"{plan}/execution/rpe-{fault.number:017x}"] = fault
    return found
