"""RestoreLaunchSettings: settings return where nothing was launched, and after drills."""

from __future__ import annotations

from functions.configuration import (
    close_execution,
    restore_launch_settings,
)
from shared.model.status import ServerStatus
from tests import makers
from tests.handlers.drill import clean, drilled
from tests.handlers.estate import Estate
from tests.handlers.launching import configurations


def test_where_nothing_was_launched_the_settings_come_back(estate: Estate) -> None:
    pairs = estate.add_pairs("db-1", "web-1")
    ids = [server for server, _ in pairs.values()]
    estate.drs_client().update_launch_configuration(sourceServerID=ids[1], copyTags=True, copyPrivateIp=True)
    before = configurations(estate, *ids)
    estate.reach("CONFIGURED")
    assert configurations(estate, *ids) != before
    assert estate.call(restore_launch_settings) == {"restored": 2, "failed": 0, "undo": False}
    after = configurations(estate, *ids)
    for settings in (*before, *after):
        settings.pop("launchIntoInstanceProperties", None)
    assert after == before
    assert estate.call(restore_launch_settings) == {"restored": 0, "failed": 0, "undo": False}


def test_settings_that_cannot_come_back_are_counted_and_tried_again(estate: Estate) -> None:
    estate.add_pairs("db-1", "web-1")
    estate.reach("CONFIGURED")
    estate.fault("ERROR", operation="UpdateLaunchConfiguration", code="AccessDeniedException", times=1)
    assert estate.call(restore_launch_settings) == {"restored": 1, "failed": 1, "undo": False}
    assert estate.call(restore_launch_settings) == {"restored": 1, "failed": 0, "undo": False}


def test_servers_that_were_launched_or_never_changed_are_left_alone(estate: Estate) -> None:
    estate.add_pairs("db-1", "web-1", "web-2")
    estate.reach("CONFIGURED")
    servers = estate.servers()
    launched = {"job_id": "drsjob-1", "launched_at": estate.now, "status": ServerStatus.LAUNCHED}
    changes = [
        makers.changed(servers["db-1"], launched),
        makers.changed(servers["web-1"], {"launch_changed": None}),
    ]
    estate.store.change_servers("execution-1", changes)
    assert estate.call(restore_launch_settings) == {"restored": 1, "failed": 0, "undo": False}


def test_settings_of_a_drilled_server_that_could_not_be_put_back_are_in_the_report(estate: Estate) -> None:
    server, _, _ = drilled(estate)
    clean(estate)
    estate.fault("ERROR", operation="UpdateLaunchConfiguration", code="ConflictException")
    assert estate.call(restore_launch_settings) == {"restored": 0, "failed": 1, "undo": True}
    estate.call(close_execution, startedAt=estate.now)
    [finding] = [f for f in estate.report()["findings"] if f["code"] == "LAUNCH_SETTINGS_NOT_RESTORED"]
    assert f"update-launch-configuration --source-server-id {server}" in finding["remedy"]
