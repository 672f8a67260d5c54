"""A recovery plan of DRS itself that an operator runs: what it has is left to it."""

from __future__ import annotations

from tests.workflows.advice.aws_cli import typed
from tests.workflows.stage import group, stage

APPS = (group("app", count=2),)


def test_a_server_that_a_recovery_plan_of_drs_has_is_blocked_until_that_is_over() -> None:
    with stage(*APPS) as here:
        here.drs_fault("NATIVE_PLAN_RUNS", server=here.source("app-1"))

        blocked = here.run("blocked", onBlocked="CONTINUE")
        assert blocked.outcomes == {"app-1": "BLOCKED", "app-2": "RECOVERED"}
        assert "NATIVE_PLAN_RUNS" in blocked.codes("app-1")
        assert here.jobs_of("app-1") == []

        typed(here, blocked.server("app-1")["remedy"])
        after = here.run("after", retryOf="blocked", retryBlocked=True)
        assert after.outcomes == {"app-1": "RECOVERED"}


def test_a_member_role_of_before_that_may_not_list_such_plans_blocks_nothing() -> None:
    with stage(*APPS) as here:
        here.drs_fault("ERROR", operation="ListRecoveryPlanExecutions", code="AccessDeniedException")
        run = here.run()
        assert (run.status, set(run.outcomes.values())) == ("COMPLETED", {"RECOVERED"})
        assert here.cloud.calls["drs", "ListRecoveryPlanExecutions"], "it was never asked"
