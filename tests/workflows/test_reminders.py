"""A pause that lasts is not forgotten: the operators hear what it costs, and how to end it."""

from __future__ import annotations

import json
import shlex

from tests.workflows.control_messages import on, send
from tests.workflows.failback_stage import away, sides
from tests.workflows.stage import Stage, group, stage, wave

APPS = (group("db", "data"), group("app", "web", count=2))
WAVES = (wave("data"), wave("web"))


def reminders(here: Stage) -> list[tuple[str, str]]:
    sent = [(one["subject"], one["message"]) for one in here.cloud.notifications]
    return [(subject, text) for subject, text in sent if "paused, for" in subject]


def paste(here: Stage, text: str, action: str) -> None:
    """Does what a line of the message says to paste."""
    [line] = [line for line in text.splitlines() if line.startswith(f"To {action}:")]
    event = json.loads(shlex.split(line)[-1])
    here.call("ControlExecutionFunction", {**event, "by": "bo", "now": here.cloud.clock.now().isoformat()})


def test_a_pause_is_recalled_each_time_once_although_two_waves_wait_and_its_command_ends_it() -> None:
    with stage(*APPS, waves=WAVES) as here:
        arn = here.start()
        on(here, "ConfigureLaunch", lambda: send(here, "PAUSE"))
        here.cloud.advance(3 * 3600)
        found = reminders(here)
        minutes = [int(subject.rsplit(" ", 3)[1]) for subject, _ in found]
        assert len(found) == 5, found
        assert all(due <= at <= due + 10 for due, at in zip((10, 30, 60, 120, 180), minutes, strict=True))
        assert "not recovered meanwhile" in found[-1][1]
        paste(here, found[-1][1], "resume")
        run = here.wait(arn)
        assert run.status == "COMPLETED"
        assert len(reminders(here)) == 5


def test_a_pause_in_the_midst_of_a_cutover_is_said_to_be_an_outage() -> None:
    with away() as (here, _):
        arn = here.start("back", mode="FAILBACK")
        on(here, "StopTargets", lambda: send(here, "PAUSE", "back"))
        here.cloud.wait_until(lambda: bool(reminders(here)))
        assert "stopped" in {sides(here, name)[1] for name in here.servers}, "else it is none"
        assert "This is an outage" in reminders(here)[0][1]
        paste(here, reminders(here)[0][1], "resume")
        assert here.wait(arn).status == "COMPLETED"


def test_a_pause_before_the_cutover_is_none() -> None:
    with away() as (here, _):
        arn = here.start("back", mode="FAILBACK")
        on(here, "ReserveServers", lambda: send(here, "PAUSE", "back"))
        here.cloud.wait_until(lambda: bool(reminders(here)))
        assert {sides(here, name)[1] for name in here.servers} == {"running"}
        assert "No workload is stopped for it" in reminders(here)[0][1]
        paste(here, reminders(here)[0][1], "resume")
        assert here.wait(arn).status == "COMPLETED"
