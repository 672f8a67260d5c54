"""Whatever DRS takes at once, it is never asked for more, if Service Quotas answers or settings do."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from drs_emulator import Settings
from tests.local.simulation.world import ORIGIN, RECOVERY
from tests.workflows.stage import Stage, group, site, stage

ALONE = Settings(servers_per_job=1, time_factor=0.1)


def most_at_once(here: Stage) -> int:
    """The most jobs that were unfinished at the same time."""
    jobs = here.drs_state()["jobs"]
    began = [(job["creationDateTime"], 1) for job in jobs]
    ended = [(job["endDateTime"], -1) for job in jobs]
    most = now = 0
    for _, step in sorted(began + ended):
        now += step
        most = max(most, now)
    return most


def test_a_lower_quota_of_jobs_is_respected_without_a_refusal() -> None:
    with stage(group("app", count=5), jobs=ALONE.changed({"jobs_in_progress": 3})) as here:
        run = here.run()
        assert run.status == "COMPLETED"
        assert most_at_once(here) == 3
        assert len(run.jobs) == here.cloud.calls["drs", "StartRecovery"] == 5
        assert run.report["limits"] == [reported(jobs=3, serversPerJob=1)]


def test_a_lower_quota_of_servers_is_respected_without_a_refusal() -> None:
    two = Settings(servers_in_all_jobs=4, servers_per_job=3, time_factor=0.1)
    with stage(group("app", count=7), jobs=two) as here:
        run = here.run()
        assert run.status == "COMPLETED"
        assert sorted(job["servers"] for job in run.jobs) == [2, 2, 3]
        assert len(run.jobs) == here.cloud.calls["drs", "StartRecovery"]


@pytest.mark.parametrize("silence", ["UNKNOWN", "DENIED"])
def test_settings_apply_where_service_quotas_is_silent(silence: str) -> None:
    silent = ALONE.changed({"service_quotas": silence, "jobs_in_progress": 3})
    ours = {"DrsJobs": "3", "DrsServersPerJob": "1"}
    with stage(group("app", count=4), jobs=silent, parameters=ours) as here:
        run = here.run()
        assert run.status == "COMPLETED"
        assert len(run.jobs) == here.cloud.calls["drs", "StartRecovery"] == 4
        [limits] = run.report["limits"]
        assert limits["fromSettings"] == ["jobs", "serversInJobs", "serversPerJob", "replicating"]
        assert bool(limits["reason"]) == (silence == "DENIED")


def test_jobs_too_big_for_a_quota_that_are_unknown_are_made_smaller() -> None:
    with stage(group("app", count=5), jobs=ALONE.changed({"service_quotas": "UNKNOWN"})) as here:
        run = here.run()
        assert run.status == "COMPLETED"
        assert [job["servers"] for job in run.jobs] == [1] * 5
        assert {server["attempts"] for server in run.report["servers"]} == {1}


def test_a_dry_run_says_what_it_would_go_by_in_each_scope() -> None:
    west = {**RECOVERY, "region": "us-west-2"}
    more = [site("west", {**ORIGIN, "region": "us-west-1"}, west)]
    servers = [group("app", site="east"), group("far", site="west")]
    with stage(*servers, more_sites=more, jobs=Settings(jobs_in_progress=4)) as here:
        run = here.run(dryRun=True)
        assert [limits["scope"] for limits in run.report["limits"]] == [
            "444455556666/us-east-2",
            "444455556666/us-west-2",
        ]
        assert "| 444455556666/us-west-2 | 4 | 500 | 100 | 300 | Service Quotas |" in run.summary


def test_a_quota_that_is_full_is_named_with_its_own_number() -> None:
    with stage(group("app", count=3), jobs=Settings(servers_in_all_jobs=2, time_factor=0.1)) as here:
        run = here.run(dryRun=True)
        [found] = [f["found"] for f in run.report["findings"] if f["code"] == "QUOTA_SERVERS"]
        assert "more than the 2 that DRS takes" in found


def reported(**changes: Any) -> dict[str, Any]:
    """What the report says when Service Quotas has answered everything."""
    defaults = {"jobs": 20, "serversInJobs": 500, "serversPerJob": 100, "replicating": 300}
    return {"scope": "444455556666/us-east-2", "fromSettings": [], "reason": None, **defaults, **changes}


def test_launch_settings_are_written_at_the_pace_that_is_set_in_virtual_time() -> None:
    began: list[datetime] = []
    ended: list[datetime] = []
    with stage(group("app", count=5), parameters={"DrsWritesPerSecond": "1"}) as here:
        here.cloud.on_function("ConfigureLaunchFunction", lambda event: began.append(here.cloud.clock.now()))
        here.cloud.on_function("StopTargetsFunction", lambda event: ended.append(here.cloud.clock.now()))
        assert here.run().status == "COMPLETED"
        assert (ended[0] - began[0]).total_seconds() == 4.0, "five calls, the first at once"
