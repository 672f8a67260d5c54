"""ConfigureLaunch: launch settings lead into the pair; correct ones are not written."""

from __future__ import annotations

import pytest

from functions.configuration import (
    configure_launch,
)
from shared.aws.errors import ThrottledError
from shared.model.status import ServerStatus, WaveStatus
from tests.handlers.estate import ORIGIN, Estate
from tests.handlers.failover import Failover
from tests.handlers.launching import configurations


def test_settings_are_made_right_and_what_is_right_is_not_written(estate: Estate) -> None:
    pairs = estate.add_pairs("db-1", "web-1", "web-2")
    right, target = pairs["web-1"]
    drs = estate.drs_client()
    drs.update_launch_configuration(
        sourceServerID=right, launchDisposition="STOPPED", targetInstanceTypeRightSizingMethod="NONE"
    )
    drs.update_launch_configuration(
        sourceServerID=right, launchIntoInstanceProperties={"launchIntoEC2InstanceID": target}
    )
    drs.update_launch_configuration(sourceServerID=pairs["web-2"][0], copyTags=True, copyPrivateIp=True)
    estate.reach("RESERVED")
    estate.wire.clear()
    answer = estate.call(configure_launch, wave="web")
    assert answer == {"configured": 1, "unchanged": 1, "failed": 0, "batches": [1]}
    calls = [call.body for call in estate.wire.of("UpdateLaunchConfiguration")]
    assert len(calls) == 2
    assert "launchInto" not in calls[0], "what conflicts with launching into goes off first"
    assert "launchInto" in calls[1]
    for name, changed in (("web-1", False), ("web-2", True)):
        server = estate.servers()[name]
        assert (server.status, server.launch_changed) == (ServerStatus.CONFIGURED, changed)
        [now] = configurations(estate, pairs[name][0])
        assert now["launchDisposition"] == "STOPPED"
        assert now["launchIntoInstanceProperties"]["launchIntoEC2InstanceID"] == pairs[name][1]
    assert (estate.wave("web").status, estate.wave("web").started_at) == (WaveStatus.RUNNING, estate.now)
    estate.wire.clear()
    again = estate.call(configure_launch, wave="web")
    assert again == {"configured": 0, "unchanged": 0, "failed": 0, "batches": [1]}
    assert not estate.wire.of("UpdateLaunchConfiguration")


def test_settings_that_drs_refuses_fail_their_server_only(estate: Estate) -> None:
    estate.add_pairs("web-1", "web-2")
    estate.reach("RESERVED")
    estate.fault("ERROR", operation="UpdateLaunchConfiguration", code="ConflictException", times=1)
    answer = estate.call(configure_launch, wave="web")
    assert (answer["configured"], answer["failed"], answer["batches"]) == (1, 1, [1])
    [failed] = [server for server in estate.servers().values() if server.status is ServerStatus.FAILED]
    assert "ConflictException" in (failed.reason or "")
    assert failed.remedy
    assert failed.launch_changed, "it may have been changed, so it is put back later"


def test_throttling_is_left_to_the_workflow_and_leaves_what_restores_it(estate: Estate) -> None:
    estate.add_pairs("web-1")
    estate.reach("RESERVED")
    estate.fault("THROTTLED", operation="UpdateLaunchConfiguration")
    with pytest.raises(ThrottledError):
        estate.call(configure_launch, wave="web")
    server = estate.servers()["web-1"]
    assert (server.status, server.launch_changed) == (ServerStatus.READY, True)
    estate.admin("DELETE", "/faults")
    assert estate.call(configure_launch, wave="web")["configured"] == 1


def test_replicated_servers_go_to_their_originals(away: Failover) -> None:
    away.reach_reversal()
    away.replicate()
    answer = away.watch()
    assert (answer["action"], answer["replicating"], answer["replicated"]) == ("GO", 0, 2)
    assert away.watch(drained=True)["action"] == "GO"
    assert away.configure() == {"configured": 2, "unchanged": 0, "failed": 0, "batches": [1]}
    for name, server in away.servers().items():
        assert server.status is ServerStatus.CONFIGURED
        assert server.previous_launch is not None
        into = away.estate.launch_configuration(server.drs_server_id, ORIGIN)["launchIntoInstanceProperties"]
        assert into["launchIntoEC2InstanceID"] == away.ids[name].original
