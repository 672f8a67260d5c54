"""UndoPreparation: the settings are as before the first preparation, and a second undo changes nothing."""

from __future__ import annotations

from shared.model.status import ExecutionStatus
from shared.store import preparation_lock
from tests.handlers.estate import Estate
from tests.handlers.preparation import open_, prepare, undo


def ended(estate: Estate, name: str) -> None:
    estate.store.change_execution(name, {"status": ExecutionStatus.COMPLETED})
    estate.locks.release([preparation_lock("erp")], name)


def test_prepared_settings_are_put_back(estate: Estate) -> None:
    server, _ = estate.add_pairs("web-1")["web-1"]
    before = estate.launch_configuration(server)
    prepare(estate)
    ended(estate, "preparation-1")
    open_(estate, "undo-1", undo=True)
    assert undo(estate) == {"undone": 1, "blocked": 0, "yielded": 0}
    after = estate.launch_configuration(server)
    assert after["launchDisposition"] == before["launchDisposition"]
    assert after.get("launchIntoInstanceProperties") == before.get("launchIntoInstanceProperties")
    ended(estate, "undo-1")
    estate.wire.clear()
    open_(estate, "undo-2", undo=True)
    assert undo(estate)["undone"] == 0
    assert not estate.wire.of("UpdateLaunchConfiguration")


def test_an_undo_that_has_ended_puts_nothing_back(estate: Estate) -> None:
    server, target = estate.add_pairs("web-1")["web-1"]
    prepare(estate)
    ended(estate, "preparation-1")
    open_(estate, "undo-1", undo=True)
    ended(estate, "undo-1")
    assert undo(estate)["undone"] == 0
    into = estate.launch_configuration(server)["launchIntoInstanceProperties"]
    assert into["launchIntoEC2InstanceID"] == target
