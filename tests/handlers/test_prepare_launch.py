"""PrepareLaunch: checked servers get the settings of a failover; locked ones are left to their execution."""

from __future__ import annotations

from functions.configuration import prepare_launch
from shared.model.status import ExecutionStatus
from shared.store import server_lock
from tests.handlers.estate import Estate
from tests.handlers.preparation import check, open_, prepare


def test_checked_servers_are_prepared_once(estate: Estate) -> None:
    pairs = estate.add_pairs("db-1", "web-1")
    assert prepare(estate) == {"prepared": 2, "alreadyRight": 0, "blocked": 0, "yielded": 0}
    for server, target in pairs.values():
        settings = estate.launch_configuration(server)
        assert settings["launchDisposition"] == "STOPPED"
        assert settings["launchIntoInstanceProperties"]["launchIntoEC2InstanceID"] == target
    estate.store.change_execution("preparation-1", {"status": ExecutionStatus.COMPLETED})
    estate.wire.clear()
    assert prepare(estate, "preparation-2")["alreadyRight"] == 2
    assert not estate.wire.of("UpdateLaunchConfiguration")


def test_a_server_that_an_execution_has_locked_is_not_touched(estate: Estate) -> None:
    pairs = estate.add_pairs("db-1", "web-1")
    before = estate.launch_configuration(pairs["web-1"][0])["launchDisposition"]
    open_(estate)
    check(estate)
    estate.locks.take([server_lock(pairs["web-1"][0])], "failover-1", lambda _: False)
    answer = estate.call(prepare_launch)
    assert (answer["prepared"], answer["yielded"]) == (1, 1)
    assert estate.launch_configuration(pairs["web-1"][0])["launchDisposition"] == before


def test_a_preparation_that_has_ended_writes_nothing(estate: Estate) -> None:
    estate.add_pairs("web-1")
    open_(estate)
    check(estate)
    estate.store.change_execution("preparation-1", {"status": ExecutionStatus.COMPLETED})
    estate.wire.clear()
    assert estate.call(prepare_launch)["prepared"] == 0
    assert not estate.wire.of("UpdateLaunchConfiguration")
