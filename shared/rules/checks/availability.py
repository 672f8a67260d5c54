"""Checks of whether a server is free: in no DRS job, and locked by no other execution."""

from __future__ import annotations

from shared.model.policies import Mode, Policies
from shared.model.prerequisite_facts import CheckFailure, ServerFacts
from shared.rules.checks.reverse_facts import ReverseServerFacts

AnyFacts = ServerFacts | ReverseServerFacts


def in_job(facts: AnyFacts, policies: Policies) -> CheckFailure | None:
    if facts.active_job_id is None:
        return None
    # A job of a failback runs at the origin or, of an earlier failover, on the recovery side.
    scope = facts.server.scope if isinstance(facts, ServerFacts) else facts.active_job_scope
    region = f" --region {scope.region}" if scope else ""
    return CheckFailure(
        f"{facts.server.name} is in the DRS job {facts.active_job_id}.",
        f"Wait until it is COMPLETED, then {_again(facts)}: aws drs describe-jobs "
        f"--filters jobIDs={facts.active_job_id}{region}",
    )


def in_native_plan(facts: ServerFacts, policies: Policies) -> CheckFailure | None:
    """DRS lets one of its plans' executions have a server at a time (DRS user guide, recovery plans)."""
    run = facts.native_plan_run
    if run is None:
        return None
    return CheckFailure(
        f"A recovery plan of DRS itself runs and has {facts.server.name}: {run}.",
        f"Wait for its end, or cancel it, then {_again(facts)}: aws drs cancel-recovery-plan-execution "
        f"--recovery-plan-execution-arn {run} --region {facts.server.scope.region}",
    )


def locked_by_execution(facts: AnyFacts, policies: Policies) -> CheckFailure | None:
    holder = facts.locked_by_execution
    if holder is None:
        return None
    mode = facts.locked_by_mode if isinstance(facts, ServerFacts) else None
    if mode is Mode.DRILL:
        return CheckFailure(
            f"The drill {holder} has locked {facts.server.name}.",
            "For a real failover, start it again with cancelDrill: true: it stops the drill, waits for its "
            "clean-up and continues. Else wait until the drill is over.",
        )
    return CheckFailure(
        f"The {mode.value.lower() if mode else 'execution'} {holder} has locked {facts.server.name}.",
        "Wait until that execution is over; or cancel it (action CANCEL), if it is not needed. Then "
        f"{_again(facts)}.",
    )


def _again(facts: AnyFacts) -> str:
    return "start the plan again" if isinstance(facts, ServerFacts) else "start the failback again"
