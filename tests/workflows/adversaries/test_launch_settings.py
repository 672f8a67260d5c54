"""Others change launch settings while an execution runs: no server is launched into another target."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from drs_emulator import Settings
from tests.local.simulation.world import ORIGIN
from tests.workflows.adversaries.outsiders import all_into_their_pairs, each_time, launches, point
from tests.workflows.advice.aws_cli import typed
from tests.workflows.failback_stage import away, fail_back, original, reversed_server
from tests.workflows.stage import Stage, fill_with_foreign_jobs, group, stage, wave

APPS = (group("app", "first", count=2), group("db", "second"))
WAVES = (wave("first"), wave("second", "first"))
REMEDY = "run the plan again"


def hijack(here: Stage) -> None:
    """app-1 is to be launched into the target of db."""
    point(here, "app-1", here.target("db"))


def clear(here: Stage) -> None:
    point(here, "app-1", "")


def swap(here: Stage) -> None:
    point(here, "app-1", here.target("app-2"))
    point(here, "app-2", here.target("app-1"))


def once_before(function: str, change: Callable[[Stage], None]) -> Callable[[Stage], None]:
    def arrange(here: Stage) -> None:
        each_time(here, function, lambda n: change(here) if n == 1 else None)

    return arrange


def in_the_queue(here: Stage) -> None:
    """While the batch waits for a slot."""
    fill_with_foreign_jobs(here, 20, seconds=300)
    each_time(here, "AwaitJobSlot", lambda n: hijack(here) if n == 1 else None)


def before_the_retry(here: Stage) -> None:
    """The first launch fails; the settings are changed before the second."""
    here.drs_fault("PHASE_FAILS", phase="LAUNCH", server=here.source("app-1"), times=1)
    each_time(here, "StopTargets", lambda n: hijack(here) if n == 2 else None)


def after_a_preparation(here: Stage) -> None:
    """What was prepared is right when the checks read it, and no more right after them."""
    here.store_plan()
    here.cloud.run("prepare", {"plan": "shop"}, name="prepared")
    each_time(here, "ConfigureLaunch", lambda n: hijack(here) if n == 1 else None)


@pytest.mark.parametrize(
    "arrange",
    [
        pytest.param(once_before("ConfigureLaunch", hijack), id="between check and configuration"),
        pytest.param(once_before("ConfigureLaunch", clear), id="cleared between check and configuration"),
        pytest.param(once_before("StartRecovery", hijack), id="between configuration and start"),
        pytest.param(once_before("StartRecovery", clear), id="cleared between configuration and start"),
        pytest.param(once_before("StartRecovery", swap), id="two servers swapped"),
        in_the_queue,
        before_the_retry,
        after_a_preparation,
    ],
)
def test_settings_that_are_changed_are_written_again(arrange: Callable[[Stage], None]) -> None:
    with stage(*APPS, waves=WAVES, policies={"launchOrder": "BY_WAVE", "retries": 1}) as here:
        arrange(here)
        with launches(here) as seen:
            run = here.run()

        assert all_into_their_pairs(here, seen)
        assert (run.status, set(run.outcomes.values())) == ("COMPLETED", {"RECOVERED"})


def test_settings_that_are_changed_again_and_again_fail_that_server_alone() -> None:
    waves = (wave("first", onFailure="CONTINUE"), WAVES[1])
    with stage(*APPS, waves=waves, policies={"launchOrder": "BY_WAVE"}) as here:
        each_time(here, "StartRecovery", lambda n: hijack(here))
        with launches(here) as seen:
            run = here.run()

        assert all_into_their_pairs(here, seen)
        assert run.outcomes == {"app-1": "FAILED", "app-2": "RECOVERED", "db": "RECOVERED"}
        server = run.server("app-1")
        assert "LAUNCH_INTO_CHANGED" in run.codes("app-1")
        assert here.target("db") in server["reason"]
        assert REMEDY in server["remedy"]


def test_an_overwritten_setting_is_named_in_the_report() -> None:
    with stage(*APPS, waves=WAVES, policies={"launchOrder": "BY_WAVE"}) as here:
        each_time(here, "StartRecovery", lambda n: hijack(here) if n == 1 else None)
        run = here.run()

        [finding] = [f for f in run.server("app-1")["findings"] if f["code"] == "LAUNCH_SETTINGS_OVERWRITTEN"]
        assert here.target("db") in finding["found"]
        assert "LAUNCH_SETTINGS_OVERWRITTEN" not in run.codes("app-2")


def test_settings_changed_in_a_pause_are_written_again() -> None:
    with stage(*APPS, waves=WAVES, policies={"launchOrder": "BY_WAVE"}) as here:
        who = {"by": "ana", "reason": "a check"}
        pause = {"executionId": "run", "action": "PAUSE", **who}

        def paused(n: int) -> None:
            if n == 1:
                here.call("ControlExecutionFunction", pause)

        each_time(here, "StopTargets", paused)
        arn = here.start()
        here.cloud.advance(600)
        assert here.drs_state()["jobs"] == []
        hijack(here)
        with launches(here) as seen:
            here.call("ControlExecutionFunction", {"executionId": "run", "action": "RESUME", **who})
            run = here.wait(arn)

        assert all_into_their_pairs(here, seen)
        assert run.status == "COMPLETED"


@pytest.mark.parametrize("times", [1, 99], ids=["once", "again and again"])
def test_in_a_failback_nothing_is_launched_into_another_original(times: int) -> None:
    with away(group("app"), group("db")) as (here, _):
        db = here.instances(ORIGIN)[original(here, "db")]["volumes"]

        def hijack_at_origin(n: int) -> None:
            if n <= times and (found := reversed_server(here, "app")):
                point(here, "app", original(here, "db"), ORIGIN, source=found["sourceServerID"])

        each_time(here, "StartRecovery", hijack_at_origin)
        with launches(here) as seen:
            run = fail_back(here, servers=["app"])

        originals = {original(here, "app")}
        assert {into for launch in seen for into in launch.values()} == (originals if times == 1 else set())
        assert run.outcomes == {"app": "RECOVERED" if times == 1 else "FAILED"}
        assert here.instances(ORIGIN)[original(here, "db")]["volumes"] == db


def after_its_job_began(here: Stage, read_at: str, heeded: list[str]) -> Callable[[int], None]:
    """Another target is set at the first poll; its commands are typed unless ``heeded`` is empty."""
    here.cloud.drs.admin("PATCH", "/settings", {"settings_read_at": read_at})

    def act(poll: int) -> None:
        if poll == 1:
            hijack(here)
        elif heeded and (texts := warnings(here)):
            typed(here, texts[0])
            heeded.clear()

    return act


def warnings(here: Stage) -> list[str]:
    sent = here.cloud.notifications
    return [one["message"] for one in sent if "changed while DRS launches" in one["subject"]]


@pytest.mark.parametrize("read_at", ["START", "LAUNCH"])
def test_settings_that_change_while_jobs_convert_are_reported_at_once_and_can_be_set_back(
    read_at: str,
) -> None:
    with stage(*APPS, waves=WAVES, jobs=Settings()) as here:
        other = here.target("db")
        disks, done = here.instances()[other]["volumes"], ["to do"]
        each_time(here, "WatchJobs", after_its_job_began(here, read_at, done))

        run = here.run(servers=["app-1", "app-2"])

        assert not done, "the command was never typed"
        assert len(warnings(here)) == 1
        # Where DRS had read the other target already, it is refused there and launched again.
        assert run.outcomes == {"app-1": "RECOVERED", "app-2": "RECOVERED"}
        assert "LAUNCH_INTO_CHANGED_LATE" in run.codes("app-1")
        assert "LAUNCH_INTO_CHANGED_LATE" not in run.codes("app-2")
        assert run.server("app-1")["attempts"] == (2 if read_at == "START" else 1)
        assert here.instances()[other]["volumes"] == disks


def test_without_the_command_the_other_target_is_lost_where_drs_reads_settings_late() -> None:
    """What the warning is worth: this is what it prevents, and the server is not said to be recovered."""
    with stage(*APPS, waves=WAVES, jobs=Settings()) as here:
        other = here.target("db")
        disks = here.instances()[other]["volumes"]
        each_time(here, "WatchJobs", after_its_job_began(here, "LAUNCH", []))

        run = here.run(servers=["app-1", "app-2"])

        assert here.instances()[other]["volumes"] != disks
        assert run.outcomes == {"app-1": "FAILED", "app-2": "RECOVERED"}
        assert other in run.server("app-1")["reason"]
