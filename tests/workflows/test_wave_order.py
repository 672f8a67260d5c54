"""Launch together, start in order: when jobs begin and when instances start, by the waves' dependencies."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shared.times import iso
from tests.workflows.stage import Run, Stage, group, issue, stage, wave

CHAIN = [wave("data"), wave("application", "data"), wave("web", "application")]


def one_in_each(waves: list[dict[str, Any]], **troubled: dict[str, Any]) -> list[dict[str, Any]]:
    """A server called as its wave for every wave; ``troubled`` adds to some."""
    return [group(w["name"], w["name"], **troubled.get(w["name"], {})) for w in waves]


def job_start(here: Stage, server: str) -> str:
    [job] = here.jobs_of(server)
    return iso(datetime.fromisoformat(job["creationDateTime"]))


def started_at(here: Stage, run: Run, server: str) -> str:
    return str(here.record(run.name, server)["startRequestedAt"])


def verified_at(run: Run, server: str) -> str:
    return str(run.server(server)["verifiedAt"])


def test_together_every_job_begins_at_once_and_instances_start_in_order() -> None:
    with stage(*one_in_each(CHAIN), waves=CHAIN) as here:
        run = here.run()
        assert run.status == "COMPLETED"
        assert len({job_start(here, name) for name in here.servers}) == 1
        assert started_at(here, run, "application") >= run.wave("data")["endedAt"] >= verified_at(run, "data")
        assert started_at(here, run, "web") >= run.wave("application")["endedAt"]
        assert run.wave("application")["endedAt"] >= verified_at(run, "application")
        assert "AwaitTurn" in run.result.visited["recovery-wave"]


def test_by_wave_no_job_begins_before_the_wave_it_depends_on_is_done() -> None:
    with stage(*one_in_each(CHAIN), waves=CHAIN, policies={"launchOrder": "BY_WAVE"}) as here:
        settings_written: list[tuple[str, str]] = []
        here.cloud.on_function(
            "ConfigureLaunchFunction", lambda event: settings_written.append((event["wave"], event["now"]))
        )
        run = here.run()
        assert run.status == "COMPLETED"
        assert run.report["launchOrder"] == "BY_WAVE"
        for earlier, later in (("data", "application"), ("application", "web")):
            assert job_start(here, later) >= run.wave(earlier)["endedAt"]
            assert iso(datetime.fromisoformat(dict(settings_written)[later])) >= run.wave(earlier)["endedAt"]


def test_a_diamond_joins_only_when_both_sides_are_done_and_the_sides_run_in_parallel() -> None:
    waves = [wave("base"), wave("left", "base"), wave("right", "base"), wave("top", "left", "right")]
    slow_right = {"right": {"platform": "windows", "bootMode": "uefi"}}
    with stage(*one_in_each(waves, **slow_right), waves=waves, policies={"launchOrder": "BY_WAVE"}) as here:
        run = here.run()
        assert run.status == "COMPLETED"
        assert job_start(here, "left") == job_start(here, "right")
        assert run.wave("left")["endedAt"] < run.wave("right")["endedAt"]
        assert run.wave("top")["dependsOn"] == ["left", "right"]
        assert job_start(here, "top") >= run.wave("right")["endedAt"]


def test_a_wave_goes_on_when_its_own_dependencies_are_done_not_the_whole_level() -> None:
    """quick → after-quick, beside slow: after-quick does not wait for slow, which is on quick's level."""
    waves = [wave("quick"), wave("slow"), wave("after-quick", "quick")]
    with stage(*one_in_each(waves), waves=waves) as here:
        here.drs_fault("JOB_STUCK", phase="CONVERSION", server=here.source("slow"), seconds=600)
        run = here.run()
        assert run.status == "COMPLETED"
        assert run.wave("after-quick")["endedAt"] < run.wave("slow")["endedAt"]
        assert started_at(here, run, "after-quick") >= run.wave("quick")["endedAt"]


def test_drs_that_starts_instances_itself_is_reported_with_by_wave_as_remedy() -> None:
    waves = [wave("data"), wave("web", "data")]
    with stage(*one_in_each(waves), waves=waves) as here:
        here.drs_fault("IGNORES_DISPOSITION", server=here.source("web"))
        run = here.run()
        assert run.status == "COMPLETED"
        assert run.server("web")["startedByDrs"] is True
        assert run.server("data")["startedByDrs"] is False
        [finding] = [f for f in run.server("web")["findings"] if f["code"] == "STARTED_BY_DRS"]
        assert finding["severity"] == "WARNING"
        assert here.target("web") in finding["found"]
        assert "BY_WAVE" in finding["remedy"]
        assert "BY_WAVE" in run.summary
        assert "STARTED_BY_DRS" not in run.codes("data")


def test_a_skipped_server_that_drs_started_is_reported_as_running() -> None:
    waves = [wave("data"), wave("web", "data")]
    broken = issue("targetDoesNotStart")
    with stage(*one_in_each(waves, data=broken), waves=waves) as here:
        here.drs_fault("IGNORES_DISPOSITION", server=here.source("web"))
        run = here.run()
        assert run.outcomes == {"data": "FAILED", "web": "SKIPPED"}
        assert "runs, since DRS started it" in run.server("web")["remedy"]
        assert here.instances()[here.target("web")]["state"] == "running"


def test_a_wave_without_servers_is_not_waited_for() -> None:
    waves = [wave("data"), wave("web", "data")]
    blocked = issue("noTarget")
    with stage(*one_in_each(waves, data=blocked), waves=waves, policies={"onBlocked": "CONTINUE"}) as here:
        run = here.run()
        assert run.outcomes == {"data": "BLOCKED", "web": "RECOVERED"}
        assert run.status == "COMPLETED_WITH_FAILURES"


def test_a_job_that_hangs_is_given_up_in_time_and_within_the_history_quota() -> None:
    with stage(group("app"), group("odd"), waves=[wave("all", onFailure="CONTINUE")]) as here:
        here.drs_fault("JOB_STUCK", phase="SNAPSHOT", server=here.source("odd"))
        run = here.run()
        assert run.outcomes["odd"] == "FAILED"
        assert "2:00:00" in run.server("odd")["reason"]
        assert len(here.jobs_of("odd")) == 1
        assert run.result.history_events < 12_000  # Step Functions ends an execution at 25,000
        settings_left = [f for f in run.report["findings"] if f["code"] == "LAUNCH_SETTINGS_NOT_RESTORED"]
        assert [here.source("odd") in finding["remedy"] for finding in settings_left] == [True]
