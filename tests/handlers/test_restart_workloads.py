"""RestartWorkloads: a server that did not fail back runs on the recovery side again."""

from __future__ import annotations

from functions.execution.stop import restart_workloads, stop_workloads
from shared.model.status import ServerStatus
from tests.handlers.estate import ORIGIN, Estate
from tests.handlers.failback import Failback
from tests.handlers.wire import refused


def test_what_does_not_fail_back_runs_where_it_was(estate: Estate) -> None:
    way = Failback(estate, "web-1", "web-2")
    way.record(ServerStatus.CONFIGURED)
    way.call(stop_workloads, before="LAUNCH")
    way.launched()
    estate.ec2(ORIGIN).start_instances(InstanceIds=[ids.original for ids in way.ids.values()])
    way.change("web-1", status=ServerStatus.RECOVERED)
    way.change("web-2", status=ServerStatus.FAILED, reason="unhealthy", remedy="mend it")
    assert way.call(restart_workloads) == {"returning": 1, "returned": 0, "failed": 0}
    assert way.state("web-2") == ("stopped", "stopped"), "first the original stops"
    assert way.call(restart_workloads) == {"returning": 1, "returned": 0, "failed": 0}
    assert way.call(restart_workloads) == {"returning": 0, "returned": 1, "failed": 0}
    assert way.call(restart_workloads) == {"returning": 0, "returned": 0, "failed": 0}
    assert way.state("web-2") == ("stopped", "running")
    assert way.state("web-1") == ("running", "stopped")
    server = estate.servers()["web-2"]
    assert server.failback.workload_restarted_at == estate.now
    assert [finding.code for finding in server.findings] == ["WORKLOAD_RESTARTED"]
    assert (server.status, server.reason) == (ServerStatus.FAILED, "unhealthy"), "an outcome is final"


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


def test_a_terminated_workload_cannot_return(estate: Estate) -> None:
    way = Failback(estate, "web-1")
    way.record(ServerStatus.CONFIGURED)
    way.call(stop_workloads, before="LAUNCH")
    estate.ec2().terminate_instances(InstanceIds=[way.ids["web-1"].workload])
    way.change(status=ServerStatus.FAILED)
    assert way.call(restart_workloads) == {"returning": 0, "returned": 0, "failed": 1}
