"""PlanWaves, ReserveServers, ConfigureLaunch, RestoreLaunchSettings."""

from __future__ import annotations

from typing import Any

import pytest

from functions.configuration import configure_launch, plan_waves, reserve_servers, restore_launch_settings
from shared.aws.errors import ThrottledError
from shared.model.status import ExecutionStatus, ServerStatus, WaveStatus
from shared.store import ClaimStore, server_lock
from tests import makers
from tests.handlers.estate import RECOVERY, Estate, environment, plan_document
from tests.handlers.wire import refused_json


def configurations(estate: Estate, *servers: str) -> list[dict[str, Any]]:
    """Launch configurations without what differs by request."""
    found = [estate.launch_configuration(server) for server in servers]
    return [{key: value for key, value in item.items() if key != "ResponseMetadata"} for item in found]


# --- planning


def test_waves_batches_and_the_estimate_are_planned_once(estate: Estate) -> None:
    estate.add_pairs("db-1", "web-1", "web-2")
    estate.reach("CHECKED")
    answer = estate.call(plan_waves)
    assert (answer["decision"], answer["ready"], answer["blocked"]) == ("PROCEED", 3, 0)
    assert answer["waves"] == [
        {"name": "data", "executionName": "execution-1-data"},
        {"name": "web", "executionName": "execution-1-web"},
    ]
    assert answer["estimateSeconds"] == estate.store.execution("execution-1").estimate_seconds
    assert answer["estimateSeconds"] > 0
    assert {name: server.batch for name, server in estate.servers().items()} == {
        "db-1": 1,
        "web-1": 1,
        "web-2": 1,
    }
    assert (estate.wave("web").servers, estate.wave("web").batches) == (2, 1)
    assert estate.wave("web").depends_on == ("data",)
    assert estate.call(plan_waves) == answer


@pytest.mark.parametrize(
    ("names", "request_fields", "decision"),
    [
        (["db-1"], {}, "BLOCKED"),
        (["db-1"], {"onBlocked": "CONTINUE"}, "PROCEED"),
        (["db-1"], {"dryRun": True}, "DRY_RUN"),
        ([], {"onBlocked": "CONTINUE"}, "NOTHING_TO_DO"),
    ],
)
def test_blocked_servers_and_the_policy_decide(
    estate: Estate, names: list[str], request_fields: dict[str, Any], decision: str
) -> None:
    estate.add_servers("web-1")  # no target
    if names:
        estate.add_pairs(*names)
    estate.reach("CHECKED", **request_fields)
    assert estate.call(plan_waves)["decision"] == decision


def test_names_of_wave_executions_fit_and_differ(estate: Estate) -> None:
    estate.add_servers("web-1")
    estate.execution_id = "e" * 80
    waves = [{"name": "w" * 60 + end, "servers": {"names": [f"{end}-*"]}} for end in ("a", "b")]
    estate.reach("CHECKED", plan_document(waves=waves))
    names = [wave["executionName"] for wave in estate.call(plan_waves)["waves"]]
    assert len(set(names)) == 2
    assert all(len(name) <= 80 for name in names)


def test_a_server_that_another_execution_holds_is_blocked_at_the_last_moment(estate: Estate) -> None:
    pairs = estate.add_pairs("db-1", "web-1")
    estate.reach("PLANNED", onBlocked="CONTINUE")
    other = makers.execution(execution_id="other", status=ExecutionStatus.RUNNING, ended_at=None)
    estate.store.open(other, plan_document(name="other"), estate.clock.now())
    estate.locks.take([server_lock(pairs["web-1"][0])], "other", lambda _: False)
    estate.wire.on("sfn", "DescribeExecution", refused_json("AccessDeniedException"))
    for blocked in (1, 0):  # the second call finds the same and changes nothing
        answer = estate.call(reserve_servers, executionArn=estate.arn())
        assert answer == {"decision": "PROCEED", "reserved": 1, "blocked": blocked}
    server = estate.servers()["web-1"]
    assert server.status is ServerStatus.BLOCKED
    assert server.reason == "Execution other works on this server."
    assert server.findings[-1].code == "LOCKED_BY_EXECUTION"
    assert estate.locks.holders([server_lock(pairs["db-1"][0])]) == {
        f"SERVER#{pairs['db-1'][0]}": "execution-1"
    }


def test_who_reserves_late_leaves_no_lock_and_no_claim_behind(estate: Estate) -> None:
    pairs = estate.add_pairs("db-1", "web-1")
    estate.reach("PLANNED")
    estate.store.change_execution("execution-1", {"status": ExecutionStatus.FAILED})
    answer = estate.call(reserve_servers, executionArn=estate.arn())
    assert answer == {"decision": "CANCELLED", "reserved": 0, "blocked": 0}
    assert estate.locks.holders([server_lock(server) for server, _ in pairs.values()]) == {}
    assert ClaimStore(environment()["EXECUTIONS_TABLE"], RECOVERY).all() == []


# --- launch settings


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


def test_throttling_is_left_to_the_workflow_and_leaves_the_way_back(estate: Estate) -> None:
    estate.add_pairs("web-1")
    estate.reach("RESERVED")
    estate.fault("THROTTLED", operation="UpdateLaunchConfiguration")
    with pytest.raises(ThrottledError):
        estate.call(configure_launch, wave="web")
    server = estate.servers()["web-1"]
    assert (server.status, server.launch_changed) == (ServerStatus.READY, True)
    estate.admin("DELETE", "/faults")
    assert estate.call(configure_launch, wave="web")["configured"] == 1


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
