"""Lag that grew because the origin is lost is reported, and stops no recovery."""

from __future__ import annotations

from datetime import timedelta

from shared.times import iso
from tests.workflows.stage import group, stage

TWO_HOURS = 7200
AGENT_LOST = {"state": "STALLED", "error": "AGENT_NOT_SEEN"}


def test_two_hours_into_a_disaster_everything_is_recovered_and_the_real_recovery_point_is_reported() -> None:
    with stage() as here:
        lost = here.cloud.clock.now() - timedelta(seconds=TWO_HOURS)
        for app in ("app-1", "app-2"):
            here.drs_fault("REPLICATION", server=here.source(app), lagSeconds=TWO_HOURS, **AGENT_LOST)
        run = here.run()

        assert (run.status, set(run.outcomes.values())) == ("COMPLETED", {"RECOVERED"})
        assert "RECOVERY_POINT_OLD" in run.codes("app-1")
        point = run.server("app-1")["recoveryPoint"]
        assert iso(lost) <= point <= iso(lost + timedelta(minutes=2))
        assert f"oldest recovery point: {point}" in run.summary
        assert "2 servers are older than the plan promises" in here.cloud.notifications[-1]["message"]


def test_a_copy_that_lagged_before_its_agent_was_lost_blocks_until_a_person_accepts_it() -> None:
    with stage(group("app")) as here:
        here.drs_fault("REPLICATION", server=here.source("app"), lagSeconds=TWO_HOURS)  # its agent is seen
        blocked = here.run("blocked")
        assert blocked.outcomes == {"app": "BLOCKED"}
        assert "override LAG_TOO_HIGH" in blocked.server("app")["remedy"]

        lifted = here.run("lifted", overrides=[{"check": "LAG_TOO_HIGH", "reason": "we need it now"}])
        assert lifted.outcomes == {"app": "RECOVERED"}


def test_the_promise_of_the_plan_is_what_a_copy_is_measured_by() -> None:
    with stage(group("app")) as here:
        here.plan["objectives"] = {"rpoSeconds": 300}
        here.drs_fault("REPLICATION", server=here.source("app"), lagSeconds=600)
        run = here.run()
        assert run.outcomes == {"app": "RECOVERED"}
        [finding] = [f for f in run.server("app")["findings"] if f["code"] == "RECOVERY_POINT_OLD"]
        assert "objectives.rpoSeconds is 300 s" in finding["found"]
