"""StopWorkloads: workloads are stopped before the launch or the start, as the plan says."""

from __future__ import annotations

from typing import Any

from functions.execution.stop import stop_workloads
from shared.model.status import ServerStatus
from tests.handlers.estate import Estate
from tests.handlers.failback import Failback
from tests.handlers.wire import refused


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
    assert server.failback.workload_stop_requested_at == began
    assert server.failback.workload_stopped_at is not None
    assert server.failback.workload_stopped_at > began


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


def test_a_workload_that_was_started_again_is_stopped_again_before_the_start(estate: Estate) -> None:
    way = Failback(estate, "web-1")
    way.record(ServerStatus.CONFIGURED)
    way.call(stop_workloads, before="LAUNCH")
    way.call(stop_workloads, before="LAUNCH")
    estate.clock.advance(3600)
    way.change(status=ServerStatus.LAUNCHED)
    estate.ec2().start_instances(InstanceIds=[way.ids["web-1"].workload])
    assert way.call(stop_workloads, before="START") == {"stopped": 0, "stopping": 1, "failed": 0}
    assert way.call(stop_workloads, before="START")["stopped"] == 1
