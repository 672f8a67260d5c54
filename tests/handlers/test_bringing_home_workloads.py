"""StopWorkloads, StartInstances, RestartWorkloads: one side of a server runs at a time, whatever happens."""

from __future__ import annotations

from typing import Any

import pytest

from functions.configuration import close_wave, verify_instances, verify_launches
from functions.execution.launch import start_instances
from functions.execution.stop import restart_workloads, stop_workloads
from shared.model.status import Protection, ServerStatus
from tests.handlers.estate import ORIGIN, Estate
from tests.handlers.failback import Failback
from tests.handlers.wire import refused

FAILURE = {"Error": "AccessDeniedError", "Cause": "no rights"}


def ignored(call: Any) -> Any:
    """EC2 takes the call, and nothing happens."""
    return call.answer(200, f"<{call.operation}Response/>".encode())


def test_workloads_are_stopped_before_the_launch_and_once(estate: Estate) -> None:
    way = Failback(estate, "web-1", "web-2")
    way.record(ServerStatus.CONFIGURED)
    estate.wire.clear()
    assert way.call(stop_workloads, before="LAUNCH") == {"stopped": 0, "stopping": 2, "failed": 0}
    began = estate.now
    estate.clock.advance(15)
    assert way.call(stop_workloads, before="LAUNCH") == {"stopped": 2, "stopping": 0, "failed": 0}
    assert way.call(stop_workloads, before="LAUNCH") == {"stopped": 2, "stopping": 0, "failed": 0}
    assert len(estate.wire.of("StopInstances")) == 1
    server = estate.servers()["web-1"]
    assert server.workload_stop_requested_at == began
    assert server.workload_stopped_at is not None
    assert server.workload_stopped_at > began


def test_the_plan_may_keep_the_workloads_until_the_originals_are_to_start(estate: Estate) -> None:
    way = Failback(estate, "web-1", failback={"stopWorkload": "BEFORE_START"})
    way.record(ServerStatus.CONFIGURED)
    assert way.call(stop_workloads, before="LAUNCH") == {"stopped": 0, "stopping": 0, "failed": 0}
    assert way.state("web-1") == ("stopped", "running")
    way.change(status=ServerStatus.LAUNCHED)
    assert way.call(stop_workloads, before="START")["stopping"] == 1
    assert way.call(stop_workloads, before="START")["stopped"] == 1
    assert way.state("web-1") == ("stopped", "stopped")


def test_a_workload_that_does_not_stop_fails_its_server_alone(estate: Estate) -> None:
    way = Failback(estate, "web-1", "web-2")
    way.record(ServerStatus.CONFIGURED)
    estate.ec2().stop_instances(InstanceIds=[way.ids["web-2"].workload])
    estate.wire.on("ec2", "StopInstances", ignored)
    assert way.call(stop_workloads, before="LAUNCH") == {"stopped": 1, "stopping": 1, "failed": 0}
    estate.clock.advance(16 * 60)
    assert way.call(stop_workloads, before="LAUNCH") == {"stopped": 1, "stopping": 0, "failed": 1}
    assert "did not stop within" in (estate.servers()["web-1"].reason or "")
    assert "--force" in (estate.servers()["web-1"].remedy or "")
    assert estate.servers()["web-2"].status is ServerStatus.CONFIGURED


def test_a_workload_that_ec2_refuses_to_stop_fails_with_its_words(estate: Estate) -> None:
    way = Failback(estate, "web-1")
    way.record(ServerStatus.CONFIGURED)
    estate.wire.on("ec2", "StopInstances", refused("OperationNotPermitted"))
    assert way.call(stop_workloads, before="LAUNCH") == {"stopped": 0, "stopping": 0, "failed": 1}
    assert "OperationNotPermitted" in (estate.servers()["web-1"].reason or "")


def test_a_workload_that_somebody_started_again_is_stopped_again_before_the_start(estate: Estate) -> None:
    way = Failback(estate, "web-1")
    way.record(ServerStatus.CONFIGURED)
    way.call(stop_workloads, before="LAUNCH")
    way.call(stop_workloads, before="LAUNCH")
    estate.clock.advance(3600)
    way.change(status=ServerStatus.LAUNCHED)
    estate.ec2().start_instances(InstanceIds=[way.ids["web-1"].workload])
    assert way.call(stop_workloads, before="START") == {"stopped": 0, "stopping": 1, "failed": 0}
    assert way.call(stop_workloads, before="START")["stopped"] == 1


def test_an_original_is_not_started_while_its_workload_runs(estate: Estate) -> None:
    way = Failback(estate, "web-1", "web-2")
    way.launched()
    way.record(ServerStatus.LAUNCHED)
    estate.ec2().start_instances(InstanceIds=[way.ids["web-1"].workload])
    assert way.call(start_instances) == {"starting": 1, "failed": 1}
    assert way.state("web-1") == ("stopped", "running")
    assert way.state("web-2") == ("running", "stopped")
    assert "it was started again" in (estate.servers()["web-1"].reason or "")


def test_what_returned_is_verified_and_what_its_launch_detached_is_known(estate: Estate) -> None:
    way = Failback(estate, "web-1")
    way.launched()
    way.record(ServerStatus.LAUNCHED)
    assert way.call(verify_launches) == {"confirmed": 1, "failed": 0, "startedByDrs": 0}
    server = estate.servers()["web-1"]
    ids = way.ids["web-1"]
    assert server.recovery_instance_id == ids.original
    [volume] = server.detached_volumes
    assert (volume.volume_id, volume.scope) == (ids.volumes[0].volume_id, ORIGIN)
    assert (volume.size_gib > 0, volume.type, volume.detached_by) == (True, "gp2", "execution-1")
    way.call(start_instances)
    verified = way.call(verify_instances)
    assert (verified["pending"], verified["recovered"], verified["failed"]) == (0, 1, 0)
    assert estate.servers()["web-1"].private_ip_after == ids.address
    for _ in range(2):
        assert way.call(close_wave)["status"] == "COMPLETED"
    pair = estate.pairs.get([ids.server])[ids.server]
    assert (pair.workload_side, pair.pair_instance_id, pair.original_instance_id) == (
        "ORIGIN",
        ids.workload,
        ids.original,
    )
    assert (pair.private_ip, pair.original_private_ip) == (ids.workload_address, ids.address)
    assert (pair.original_scope, pair.last_failback) == (ORIGIN, "execution-1")
    assert pair.detached_volumes == (volume,)


def test_what_does_not_come_home_goes_on_where_it_was(estate: Estate) -> None:
    way = Failback(estate, "web-1", "web-2")
    way.record(ServerStatus.CONFIGURED)
    way.call(stop_workloads, before="LAUNCH")
    way.launched()
    estate.ec2(ORIGIN).start_instances(InstanceIds=[ids.original for ids in way.ids.values()])
    way.change("web-1", status=ServerStatus.RECOVERED)
    way.change("web-2", status=ServerStatus.FAILED, reason="unwell", remedy="mend it")
    assert way.call(restart_workloads) == {"returning": 1, "returned": 0, "failed": 0}
    assert way.state("web-2") == ("stopped", "stopped"), "first the original stops"
    assert way.call(restart_workloads) == {"returning": 1, "returned": 0, "failed": 0}
    assert way.call(restart_workloads) == {"returning": 0, "returned": 1, "failed": 0}
    assert way.call(restart_workloads) == {"returning": 0, "returned": 0, "failed": 0}
    assert way.state("web-2") == ("stopped", "running")
    assert way.state("web-1") == ("running", "stopped")
    server = estate.servers()["web-2"]
    assert server.workload_restarted_at == estate.now
    assert [finding.code for finding in server.findings] == ["WORKLOAD_RESTARTED"]
    assert (server.status, server.reason) == (ServerStatus.FAILED, "unwell"), "an outcome is final"


def test_a_workload_that_was_stopped_by_a_killed_execution_returns_too(estate: Estate) -> None:
    way = Failback(estate, "web-1")
    estate.ec2().stop_instances(InstanceIds=[way.ids["web-1"].workload])
    way.record(ServerStatus.CONFIGURED)
    assert way.call(stop_workloads, before="LAUNCH")["stopped"] == 1
    way.change(status=ServerStatus.FAILED)
    way.call(restart_workloads)
    assert way.call(restart_workloads)["returned"] == 1


def test_a_workload_that_was_never_stopped_is_left_alone(estate: Estate) -> None:
    way = Failback(estate, "web-1")
    way.record(ServerStatus.FAILED)
    estate.wire.clear()
    assert way.call(restart_workloads) == {"returning": 0, "returned": 0, "failed": 0}
    assert not estate.wire.of("StartInstances")
    assert not estate.wire.of("StopInstances")


def test_no_workload_starts_while_its_original_cannot_be_stopped(estate: Estate) -> None:
    way = Failback(estate, "web-1")
    way.record(ServerStatus.CONFIGURED)
    way.call(stop_workloads, before="LAUNCH")
    way.launched()
    estate.ec2(ORIGIN).start_instances(InstanceIds=[way.ids["web-1"].original])
    way.change(status=ServerStatus.FAILED)
    estate.wire.on("ec2", "StopInstances", refused("OperationNotPermitted"))
    assert way.call(restart_workloads)["returning"] == 1
    estate.clock.advance(16 * 60)
    assert way.call(restart_workloads) == {"returning": 0, "returned": 0, "failed": 1}
    assert way.state("web-1") == ("running", "stopped")
    server = estate.servers()["web-1"]
    assert "OperationNotPermitted" in server.findings[0].found
    assert "aws ec2 start-instances" in (server.remedy or "")


def test_a_workload_that_is_gone_cannot_return(estate: Estate) -> None:
    way = Failback(estate, "web-1")
    way.record(ServerStatus.CONFIGURED)
    way.call(stop_workloads, before="LAUNCH")
    estate.ec2().terminate_instances(InstanceIds=[way.ids["web-1"].workload])
    way.change(status=ServerStatus.FAILED)
    assert way.call(restart_workloads) == {"returning": 0, "returned": 0, "failed": 1}


@pytest.mark.parametrize(
    ("stopped", "says"),
    [(False, "runs on {} as before"), (True, "Its workload on {} was stopped. To go on")],
)
def test_a_wave_that_broke_says_where_the_workloads_are(estate: Estate, stopped: bool, says: str) -> None:
    way = Failback(estate, "web-1")
    way.record(ServerStatus.CONFIGURED)
    if stopped:
        way.call(stop_workloads, before="LAUNCH")
    assert way.call(close_wave, failure=FAILURE)["status"] == "FAILED"
    server = estate.servers()["web-1"]
    assert says.format(way.ids["web-1"].workload) in (server.remedy or "")
    assert server.protection is not Protection.UNPROTECTED
