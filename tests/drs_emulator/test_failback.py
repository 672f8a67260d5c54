"""ReverseReplication in both meanings, the retirement of the recovery side, and every refusal on the way."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from botocore.exceptions import ClientError

from drs_emulator.small_ec2 import InstanceSpec
from tests.drs_emulator.failback_world import ORIGIN_ACCOUNT, ORIGIN_REGION, QUICK, TEMPLATE, FailbackWorld
from tests.drs_emulator.world import ACCOUNT, GIB, REGION

FAILBACK_EVENT = "DRS Recovery Instance Failback State Change"
STALLED_EVENT = "DRS Source Server Data Replication Stalled Change"


def code_of(refusal: pytest.ExceptionInfo[ClientError]) -> str:
    return str(refusal.value.response["Error"]["Code"])


# --- from the recovery side ---


def test_a_reversed_server_appears_at_origin_and_says_where_it_comes_from() -> None:
    world = FailbackWorld()
    _, server, target = world.failed_over(tags={"Name": "web-1", "tier": "web"})
    world.clock.advance(420)
    arn = world.client.reverse_replication(recoveryInstanceID=target)["reversedDirectionSourceServerArn"]
    assert arn.startswith(f"arn:aws:drs:{ORIGIN_REGION}:{ORIGIN_ACCOUNT}:source-server/s-")
    item = world.at_origin(arn.rpartition("/")[2])
    assert item["replicationDirection"] == "FAILBACK"
    assert item["sourceProperties"]["identificationHints"]["awsInstanceID"] == target
    assert item["sourceProperties"]["identificationHints"]["hostname"] == "web-1"
    assert item["tags"] == {"Name": "web-1"}
    assert item["sourceCloudProperties"] == {
        "originAccountID": ACCOUNT,
        "originRegion": REGION,
        "originAvailabilityZone": f"{REGION}a",
    }
    assert item["stagingArea"] == {"status": "NOT_EXTENDED", "stagingAccountID": ORIGIN_ACCOUNT}
    assert [disk["bytes"] for disk in item["sourceProperties"]["disks"]] == [8 * GIB]
    first = world.source_server(server)
    assert first["reversedDirectionSourceServerArn"] == arn
    assert item["reversedDirectionSourceServerArn"] == first["arn"]
    assert first["dataReplicationInfo"]["dataReplicationState"] == "CONTINUOUS", "it still waits for A1"


def test_reversal_is_refused_until_the_agent_has_checked_in() -> None:
    world = FailbackWorld()
    _, _, target = world.failed_over()
    tries = 0
    while not world.origin.describe_source_servers()["items"]:
        try:
            world.client.reverse_replication(recoveryInstanceID=target)
        except world.client.exceptions.ConflictException:
            tries += 1
            world.clock.advance(10)
    assert 0 < tries < 42, "between 120 and 420 seconds after the start, which was a while ago"
    (item,) = world.origin.describe_source_servers()["items"]
    assert item["replicationDirection"] == "FAILBACK"


def test_check_in_counts_from_the_start_of_the_instance_and_needs_it_running() -> None:
    world = FailbackWorld()
    _, _, target = world.failed_over()
    world.clock.advance(3600)
    ec2 = world.ec2.client(ACCOUNT, REGION, None)
    ec2.stop_instances(InstanceIds=[target])
    world.clock.advance(60)
    with pytest.raises(world.client.exceptions.ConflictException, match="STOPPED"):
        world.client.reverse_replication(recoveryInstanceID=target)
    ec2.start_instances(InstanceIds=[target])
    world.clock.advance(60)
    text = "not finished initializing. AWS Replication agent is not connected to DRS"
    with pytest.raises(world.client.exceptions.ConflictException, match=text):
        world.client.reverse_replication(recoveryInstanceID=target)
    world.reverse(target)


def test_a_second_reversal_is_refused_and_makes_no_second_server() -> None:
    world = FailbackWorld()
    _, _, target = world.failed_over()
    world.reverse(target)
    with pytest.raises(world.client.exceptions.ConflictException, match="reversed already"):
        world.client.reverse_replication(recoveryInstanceID=target)
    assert len(world.origin.describe_source_servers()["items"]) == 1


def test_an_unknown_or_disconnected_recovery_instance_cannot_be_reversed() -> None:
    world = FailbackWorld()
    _, _, target = world.failed_over()
    with pytest.raises(world.client.exceptions.ResourceNotFoundException):
        world.client.reverse_replication(recoveryInstanceID="i-00000000000000000")
    world.client.disconnect_recovery_instance(recoveryInstanceID=target)
    with pytest.raises(world.client.exceptions.ConflictException, match="disconnected"):
        world.reverse(target)


def test_a_server_from_outside_aws_cannot_be_reversed() -> None:
    world = FailbackWorld()
    server, target = world.pair()
    world.finish(world.start(server))
    with pytest.raises(world.client.exceptions.ValidationException, match="did not come from AWS"):
        world.reverse(target)


@pytest.mark.parametrize("initialized", [False, True])
@pytest.mark.parametrize("code", ["UninitializedAccountException", "ConflictException"])
def test_the_origin_must_be_initialized_with_a_replication_template(initialized: bool, code: Any) -> None:
    world = FailbackWorld(dataclasses.replace(QUICK, uninitialized_origin=code), ready=False)
    if initialized:
        world.origin.initialize_service()
    _, _, target = world.failed_over()
    with pytest.raises(ClientError, match="template" if initialized else "not initialized") as refusal:
        world.reverse(target)
    assert code_of(refusal) == code
    world.origin.initialize_service()
    assert world.origin.describe_source_servers()["items"] == []
    world.origin.create_replication_configuration_template(**TEMPLATE)
    world.reverse(target)


def test_the_recovery_instance_follows_its_reversed_server() -> None:
    world = FailbackWorld()
    _, _, target = world.failed_over()
    before = world.recovery_instance(target)
    assert before["failback"] == {"state": "FAILBACK_NOT_STARTED"}
    assert before["dataReplicationInfo"]["dataReplicationState"] == "NOT_STARTED"
    reversed_server = world.reverse(target)
    item = world.recovery_instance(target)
    assert item["failback"]["state"] == "FAILBACK_IN_PROGRESS"
    assert item["dataReplicationInfo"]["dataReplicationState"] == "INITIATING"
    world.clock.advance(3600)
    item = world.recovery_instance(target)
    assert item["failback"]["state"] == "FAILBACK_READY_FOR_LAUNCH"
    assert item["dataReplicationInfo"]["dataReplicationState"] == world.state(reversed_server) == "CONTINUOUS"
    assert item["dataReplicationInfo"]["lagDuration"] == "P0D"
    world.origin.stop_replication(sourceServerID=reversed_server)
    assert world.recovery_instance(target)["failback"]["state"] == "FAILBACK_NOT_READY_FOR_LAUNCH"
    world.origin.disconnect_source_server(sourceServerID=reversed_server)
    world.origin.delete_source_server(sourceServerID=reversed_server)
    item = world.recovery_instance(target)
    assert item["failback"]["state"] == "FAILBACK_LAUNCH_STATE_NOT_AVAILABLE"
    assert item["dataReplicationInfo"]["dataReplicationState"] == "REPLICATION_STATE_NOT_AVAILABLE"
    assert world.reported(FAILBACK_EVENT) == [(target, "FAILBACK_IN_PROGRESS")]


# --- launchIntoSourceInstance ---


def test_the_template_lets_the_reversed_server_launch_into_the_original() -> None:
    world = FailbackWorld()
    world.origin.create_launch_configuration_template(launchIntoSourceInstance=True)
    original, _, _, reversed_server = world.reversed_pair()
    launch = world.origin.get_launch_configuration(sourceServerID=reversed_server)
    assert launch["launchIntoInstanceProperties"] == {"launchIntoEC2InstanceID": original}


def test_without_the_template_the_reversed_server_has_no_target() -> None:
    world = FailbackWorld()
    world.origin.create_launch_configuration_template(launchIntoSourceInstance=False)
    *_, reversed_server = world.reversed_pair()
    launch = world.origin.get_launch_configuration(sourceServerID=reversed_server)
    assert "launchIntoInstanceProperties" not in launch


@pytest.mark.parametrize("problem", ["untagged", "architecture", "deleted", "terminated", "copyTags"])
@pytest.mark.parametrize("code", ["ValidationException", "ConflictException"])
def test_an_original_that_cannot_be_launched_into_refuses_the_reversal(problem: str, code: Any) -> None:
    world = FailbackWorld(dataclasses.replace(QUICK, launch_into_source_refusal=code))
    world.origin.create_launch_configuration_template(
        launchIntoSourceInstance=True, copyTags=problem == "copyTags"
    )
    original, _, target = world.failed_over()
    place = (ORIGIN_ACCOUNT, ORIGIN_REGION, original)
    if problem == "untagged":
        world.ec2.change(*place, tags={})
    elif problem == "architecture":
        world.ec2.change(*place, architecture="arm64")
    elif problem == "terminated":
        world.ec2.change(*place, state="terminated")
    elif problem == "deleted":
        world.ec2.forget(*place)
    text = f"Some Recovery instances could not be processed: {target}"
    with pytest.raises(ClientError, match=text) as refusal:
        world.reverse(target)
    assert code_of(refusal) == code
    assert world.origin.describe_source_servers()["items"] == []
    assert world.recovery_instance(target)["failback"]["state"] == "FAILBACK_NOT_STARTED"


# --- at the origin, and protected again ---


def test_the_round_trip_ends_as_it_began_as_often_as_one_likes() -> None:
    world = FailbackWorld()
    original, server, target = world.protected()
    reversed_before: set[str] = set()
    for _ in range(3):
        world.fail_over(original, server)
        reversed_server = world.reverse(target)
        assert reversed_server not in reversed_before, "each failover has a server of its own"
        reversed_before.add(reversed_server)
        world.clock.advance(3600)
        world.fail_back(original, reversed_server)
        assert world.recovery_instance(original, world.origin)["ec2InstanceState"] == "RUNNING"
        assert world.reprotect(original) == server
        world.clock.advance(3600)
        assert world.state(server) == "CONTINUOUS"
        world.retire(target, reversed_server, original)
        world.ec2.client(ACCOUNT, REGION, None).stop_instances(InstanceIds=[target])
        world.clock.advance(60)
        assert world.origin.describe_source_servers()["items"] == []
        assert world.origin.describe_recovery_instances()["items"] == []
        assert world.client.describe_recovery_instances()["items"] == []
        item = world.source_server(server)
        assert "recoveryInstanceId" not in item
        assert item["sourceProperties"]["identificationHints"]["awsInstanceID"] == original
        assert item["sourceCloudProperties"]["originRegion"] == ORIGIN_REGION
        assert (item["replicationDirection"], item["sourceServerID"]) == ("FAILOVER", server)
        assert world.state_of(ORIGIN_ACCOUNT, ORIGIN_REGION, original) == "running"
        assert world.here(target) == "stopped"


def test_re_protection_stalls_rescans_and_catches_up_and_keeps_the_points_in_time() -> None:
    world = FailbackWorld(dataclasses.replace(QUICK, rescan_bytes_per_second=GIB / 20))
    original, server, _, reversed_server = world.reversed_pair()
    world.fail_back(original, reversed_server)
    assert world.recovery_instance(original, world.origin)["dataReplicationInfo"]["dataReplicationState"] == (
        "NOT_STARTED"
    )
    world.reprotect(original)
    assert world.recovery_instance(original, world.origin)["dataReplicationInfo"]["dataReplicationState"] == (
        "STALLED"
    )
    info = world.info(server)
    assert info["dataReplicationError"] == {"error": "AGENT_NOT_SEEN"}
    assert info["replicatedDisks"][0]["rescannedStorageBytes"] == 0
    points = world.client.describe_recovery_snapshots(sourceServerID=server)["items"]
    assert len(points) > 20
    rescanned, lags, states = [], [], []
    for _ in range(80):
        info = world.info(server)
        rescanned.append(info["replicatedDisks"][0]["rescannedStorageBytes"])
        lags.append(info["lagDuration"])
        states.append(info["dataReplicationState"])
        assert info["replicatedDisks"][0]["replicatedStorageBytes"] == 8 * GIB
        world.clock.advance(5)
    assert list(dict.fromkeys(states)) == ["STALLED", "RESCAN", "CONTINUOUS"]
    assert len(set(rescanned)) > 10
    assert rescanned == sorted(rescanned)
    assert rescanned[-1] == 8 * GIB
    assert lags[states.index("RESCAN")] != "P0D"
    assert lags[-1] == "P0D"
    # Of B1 alone: A2 stalled in between, because its agent went away with the failback.
    reported = [state for who, state in world.reported(STALLED_EVENT) if who == server]
    assert reported == ["STALLED", "NOT_STALLED"]


def test_a_server_that_was_stopped_is_protected_again_by_an_initial_sync() -> None:
    world = FailbackWorld()
    original, server, _, reversed_server = world.reversed_pair()
    world.client.stop_replication(sourceServerID=server)
    world.fail_back(original, reversed_server)
    assert world.reprotect(original) == server
    assert world.states(server, 600, step=4) == [
        "INITIATING",
        "INITIAL_SYNC",
        "CREATING_SNAPSHOT",
        "CONTINUOUS",
    ]


@pytest.mark.parametrize("what", ["disconnect", "delete"])
def test_a_server_that_is_missing_is_made_anew(what: str) -> None:
    world = FailbackWorld()
    original, server, target, reversed_server = world.reversed_pair()
    world.fail_back(original, reversed_server)
    world.origin.stop_replication(sourceServerID=reversed_server)
    world.client.delete_recovery_instance(recoveryInstanceID=target)
    world.client.disconnect_source_server(sourceServerID=server)
    if what == "delete":
        world.client.delete_source_server(sourceServerID=server)
    made = world.reprotect(original)
    assert made not in (server, reversed_server)
    assert world.source_server(made)["replicationDirection"] == "FAILBACK"


def test_re_protection_also_waits_for_the_agent_and_is_refused_twice() -> None:
    world = FailbackWorld()
    original, _, _, reversed_server = world.reversed_pair()
    world.fail_back(original, reversed_server)
    with pytest.raises(world.origin.exceptions.ConflictException, match="agent is not connected"):
        world.origin.reverse_replication(recoveryInstanceID=original)
    world.reprotect(original)
    with pytest.raises(world.origin.exceptions.ConflictException, match="reversed already"):
        world.origin.reverse_replication(recoveryInstanceID=original)


@pytest.mark.parametrize(("setting", "same"), [("STALE", True), ("CURRENT", False)])
def test_the_reversed_arn_that_a_server_shows_goes_stale(setting: Any, same: bool) -> None:
    world = FailbackWorld(dataclasses.replace(QUICK, reversed_arn=setting))
    original, server, target, first = world.reversed_pair()
    world.fail_back(original, first)
    world.reprotect(original)
    world.clock.advance(3600)
    world.retire(target, first, original)
    world.ec2.change(ACCOUNT, REGION, target, state="stopped")
    world.fail_over(original, server)
    world.reverse(target)
    assert (world.source_server(server)["reversedDirectionSourceServerArn"].endswith(first)) is same


def test_a_reversed_server_that_was_kept_is_re_pointed_instead_of_doubled() -> None:
    world = FailbackWorld()
    original, server, target, reversed_server = world.reversed_pair()
    world.fail_back(original, reversed_server)
    world.reprotect(original)
    world.clock.advance(3600)
    world.ec2.change(ACCOUNT, REGION, target, state="stopped")
    world.fail_over(original, server)
    assert world.reverse(target) == reversed_server
    assert len(world.origin.describe_source_servers()["items"]) == 1


def test_in_one_region_the_server_itself_is_re_pointed_at_its_recovery_instance() -> None:
    world = FailbackWorld()
    original = world.ec2.add_instance(ACCOUNT, REGION, InstanceSpec(name="web-1", state="running"))
    server = world.server(awsInstanceID=original, originAccountID=ACCOUNT, originRegion=REGION)
    target = world.target(zone=f"{REGION}b")
    world.client.update_launch_configuration(
        sourceServerID=server, launchIntoInstanceProperties={"launchIntoEC2InstanceID": target}
    )
    world.finish(world.start(server))
    assert world.reverse(target) == server
    assert world.states(server, 600, step=4) == ["STALLED", "RESCAN", "CONTINUOUS"]
    item = world.source_server(server)
    assert item["sourceProperties"]["identificationHints"]["awsInstanceID"] == target
    assert item["sourceCloudProperties"]["originAvailabilityZone"] == f"{REGION}b"
    assert "reversedDirectionSourceServerArn" not in item
    world.client.delete_recovery_instance(recoveryInstanceID=target)
    assert world.state(server) == "CONTINUOUS"


# --- retirement, and what is refused ---


def test_the_recovery_side_can_only_be_retired_in_the_safe_order() -> None:
    world = FailbackWorld()
    original, server, target, reversed_server = world.reversed_pair()
    conflict = (world.client.exceptions.ConflictException, world.origin.exceptions.ConflictException)
    with pytest.raises(conflict, match="cannot be terminated during failback"):
        world.client.terminate_recovery_instances(recoveryInstanceIDs=[target])
    with pytest.raises(conflict, match="cannot be disconnected"):
        world.client.disconnect_recovery_instance(recoveryInstanceID=target)
    with pytest.raises(conflict, match="still replicates back"):
        world.client.delete_recovery_instance(recoveryInstanceID=target)
    with pytest.raises(conflict, match="has the recovery instance"):
        world.client.disconnect_source_server(sourceServerID=server)
    with pytest.raises(conflict, match="must be disconnected"):
        world.origin.delete_source_server(sourceServerID=reversed_server)
    world.fail_back(original, reversed_server)
    with pytest.raises(conflict, match="must be disconnected"):
        world.origin.delete_recovery_instance(recoveryInstanceID=original)
    with pytest.raises(conflict, match="has the recovery instance"):
        world.origin.disconnect_source_server(sourceServerID=reversed_server)
    world.reprotect(original)
    with pytest.raises(conflict, match="cannot be disconnected"):
        world.origin.disconnect_recovery_instance(recoveryInstanceID=original)
    world.retire(target, reversed_server, original)
    assert world.state(server) in ("STALLED", "RESCAN", "CONTINUOUS"), "A1 stays protected"


def test_a_recovery_instance_may_be_terminated_once_its_reversal_is_stopped() -> None:
    world = FailbackWorld()
    _, _, target, reversed_server = world.reversed_pair()
    world.origin.stop_replication(sourceServerID=reversed_server)
    job = world.client.terminate_recovery_instances(recoveryInstanceIDs=[target])["job"]["jobID"]
    world.finish(job)
    assert world.here(target) == "terminated"


@pytest.mark.parametrize("reprotected", [False, True])
def test_terminating_what_returned_really_terminates_it(reprotected: bool) -> None:
    world = FailbackWorld()
    original, _, _, reversed_server = world.reversed_pair()
    world.fail_back(original, reversed_server)
    if reprotected:
        world.reprotect(original)
    job = world.origin.terminate_recovery_instances(recoveryInstanceIDs=[original])["job"]["jobID"]
    world.clock.advance(600)
    assert world.origin.describe_jobs(filters={"jobIDs": [job]})["items"][0]["status"] == "COMPLETED"
    assert world.state_of(ORIGIN_ACCOUNT, ORIGIN_REGION, original) == "terminated"


def test_terminating_what_returned_can_be_made_a_refusal() -> None:
    world = FailbackWorld(dataclasses.replace(QUICK, terminate_after_reprotect="REFUSE"))
    original, _, _, reversed_server = world.reversed_pair()
    world.fail_back(original, reversed_server)
    world.reprotect(original)
    with pytest.raises(world.origin.exceptions.ConflictException, match="during failback"):
        world.origin.terminate_recovery_instances(recoveryInstanceIDs=[original])


@pytest.mark.parametrize("setting", ["START_RECOVERY", "FAILBACK"])
def test_who_started_a_launch_at_origin_is_a_setting(setting: Any) -> None:
    world = FailbackWorld(dataclasses.replace(QUICK, failback_initiated_by=setting))
    *_, reversed_server = world.reversed_pair()
    answer = world.origin.start_recovery(sourceServers=[{"sourceServerID": reversed_server}])
    assert answer["job"]["initiatedBy"] == setting


# --- what belongs to the failback client ---


def test_stop_failback_sets_the_state_back_and_stops_no_replication() -> None:
    world = FailbackWorld()
    _, _, target, reversed_server = world.reversed_pair()
    world.client.stop_failback(recoveryInstanceID=target)
    assert world.recovery_instance(target)["failback"]["state"] == "FAILBACK_NOT_STARTED"
    assert world.state(reversed_server) == "CONTINUOUS"
    with pytest.raises(world.client.exceptions.ConflictException, match="during failback"):
        world.client.terminate_recovery_instances(recoveryInstanceIDs=[target])
    with pytest.raises(world.client.exceptions.ResourceNotFoundException):
        world.client.stop_failback(recoveryInstanceID="i-00000000000000000")


def test_settings_of_the_failback_client_are_kept() -> None:
    world = FailbackWorld()
    _, _, target = world.failed_over()
    world.client.update_failback_replication_configuration(
        recoveryInstanceID=target, bandwidthThrottling=5, usePrivateIP=True
    )
    answer = world.client.get_failback_replication_configuration(recoveryInstanceID=target)
    assert (answer["bandwidthThrottling"], answer["usePrivateIP"]) == (5, True)
    with pytest.raises(world.client.exceptions.ResourceNotFoundException):
        world.client.get_failback_replication_configuration(recoveryInstanceID="i-00000000000000000")


def test_start_failback_launch_is_not_for_servers_of_aws() -> None:
    world = FailbackWorld()
    _, _, target = world.failed_over()
    with pytest.raises(world.client.exceptions.ValidationException, match="Use ReverseReplication"):
        world.client.start_failback_launch(recoveryInstanceIDs=[target])
    with pytest.raises(world.client.exceptions.ConflictException, match="not found"):
        world.client.start_failback_launch(recoveryInstanceIDs=["i-00000000000000000"])
    server, elsewhere = world.pair("db-1")
    world.finish(world.start(server))
    with pytest.raises(world.client.exceptions.ConflictException, match="No failback client"):
        world.client.start_failback_launch(recoveryInstanceIDs=[elsewhere])
