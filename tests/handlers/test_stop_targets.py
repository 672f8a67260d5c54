"""StopTargets: a target is stopped if the plan allows it; else its server alone fails."""

from __future__ import annotations

from functions.execution.stop import stop_targets
from shared.model.status import ServerStatus
from tests.handlers.estate import Estate, plan_document
from tests.handlers.launching import statuses
from tests.handlers.wire import refused

STOP = {"policies": {"whenTargetRuns": "STOP"}}


def test_stopped_targets_need_nothing(estate: Estate) -> None:
    estate.add_pairs("web-1", "web-2")
    estate.reach("CONFIGURED")
    estate.wire.clear()
    assert estate.call(stop_targets, wave="web") == {"stopped": 2, "stopping": 0, "failed": 0}
    assert not estate.wire.of("StopInstances")


def test_running_targets_are_stopped_only_if_the_plan_allows_it(estate: Estate) -> None:
    pairs = estate.add_pairs("web-1", "web-2")
    estate.reach("CONFIGURED")
    estate.ec2().start_instances(InstanceIds=[pairs["web-1"][1]])
    assert estate.call(stop_targets, wave="web") == {"stopped": 1, "stopping": 0, "failed": 1}
    server = estate.servers()["web-1"]
    assert "was started after the checks" in (server.reason or "")
    assert "stop-instances" in (server.remedy or "")
    assert estate.instance(pairs["web-1"][1])["State"]["Name"] == "running"


def test_targets_that_may_be_stopped_are(estate: Estate) -> None:
    pairs = estate.add_pairs("web-1", "web-2")
    estate.reach("CONFIGURED", plan_document(**STOP))
    estate.ec2().start_instances(InstanceIds=[pairs["web-1"][1]])
    assert estate.call(stop_targets, wave="web") == {"stopped": 1, "stopping": 1, "failed": 0}
    assert estate.call(stop_targets, wave="web") == {"stopped": 2, "stopping": 0, "failed": 0}


def test_terminated_untagged_or_refusing_targets_fail_alone(estate: Estate) -> None:
    pairs = estate.add_pairs("web-1", "web-2", "web-3", "web-4")
    estate.reach("CONFIGURED", plan_document(**STOP))
    ec2 = estate.ec2()
    ec2.terminate_instances(InstanceIds=[pairs["web-1"][1]])
    estate.wire.on("ec2", "StopInstances", refused("OperationNotPermitted"))
    ec2.delete_tags(Resources=[pairs["web-2"][1]], Tags=[{"Key": "AWSDRS"}])
    ec2.start_instances(InstanceIds=[pairs["web-3"][1]])
    answer = estate.call(stop_targets, wave="web")
    assert answer["failed"] >= 2
    assert statuses(estate)["web-2"] is statuses(estate)["web-3"] is ServerStatus.FAILED
    assert "create-tags" in (estate.servers()["web-2"].remedy or "")
    assert statuses(estate)["web-4"] is ServerStatus.CONFIGURED


def test_a_target_that_does_not_stop_is_given_up_in_time(estate: Estate) -> None:
    pairs = estate.add_pairs("web-1", "web-2")
    estate.reach("CONFIGURED", plan_document(**STOP))
    estate.ec2().start_instances(InstanceIds=[pairs["web-1"][1]])
    estate.wire.on("ec2", "StopInstances", lambda call: call.answer(200, b"<StopInstancesResponse/>"))
    assert estate.call(stop_targets, wave="web")["stopping"] == 1
    estate.clock.advance(16 * 60)
    assert estate.call(stop_targets, wave="web") == {"stopped": 1, "stopping": 0, "failed": 1}
    assert "--force" in (estate.servers()["web-1"].remedy or "")
