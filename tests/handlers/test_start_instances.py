"""StartInstances: launched instances are started; a failure concerns its server alone."""

from __future__ import annotations

from functions.execution.launch import start_instances
from shared.model.status import ServerStatus
from tests.handlers.closure import move
from tests.handlers.estate import Estate
from tests.handlers.failback import Failback
from tests.handlers.wire import refused


def test_who_takes_out_what_the_wave_has_not_launched_is_the_reason(estate: Estate) -> None:
    estate.add_pairs("web-1", "web-2")
    estate.reach("RESERVED")
    said = "Taken out by jane: it is retired."
    move(estate, ServerStatus.CONFIGURED, "web-1", skip=said)  # no job could be started for it
    move(estate, ServerStatus.LAUNCHED, "web-2")
    assert estate.call(start_instances, wave="web") == {"starting": 1, "failed": 0}
    server = estate.servers()["web-1"]
    assert (server.status, server.reason) == (ServerStatus.SKIPPED, said)


def test_a_target_without_capacity_waits_alone(estate: Estate) -> None:
    pairs = estate.add_pairs("web-1", "web-2")
    estate.reach("RESERVED")
    move(estate, ServerStatus.LAUNCHED, "web-1", "web-2")
    bad = pairs["web-1"][1]
    estate.wire.on(
        "ec2",
        "StartInstances",
        lambda call: refused("InsufficientInstanceCapacity", status=500)(call) if bad in call.body else None,
    )
    assert estate.call(start_instances, wave="web") == {"starting": 2, "failed": 0}
    server = estate.servers()["web-1"]
    assert (server.awaits_capacity, estate.servers()["web-2"].awaits_capacity) == (True, False)
    assert "InsufficientInstanceCapacity" in (server.reason or "")
    assert "no capacity" in (server.remedy or "")
    assert len(estate.wire.of("StartInstances")) == 3, "botocore does not repeat it"


def test_an_original_is_not_started_while_its_workload_runs(estate: Estate) -> None:
    way = Failback(estate, "web-1", "web-2")
    way.launched()
    way.record(ServerStatus.LAUNCHED)
    estate.ec2().start_instances(InstanceIds=[way.ids["web-1"].workload])
    assert way.call(start_instances) == {"starting": 1, "failed": 1}
    assert way.state("web-1") == ("stopped", "running")
    assert way.state("web-2") == ("running", "stopped")
    assert "it was started again" in (estate.servers()["web-1"].reason or "")
