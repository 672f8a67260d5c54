"""Launching into an existing instance: what changes, what stays, who may do it, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from drs_emulator import Caller, Settings
from drs_emulator.ec2.instances import mismatches
from drs_emulator.small_ec2 import InstanceSpec
from drs_emulator.state import Replication, SourceServer
from tests.drs_emulator.world import ACCOUNT, GIB, REGION, TARGET_TAGS, World

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEPT = ("InstanceId", "PrivateIpAddress", "Tags", "Placement", "RootDeviceName", "Architecture")


def volume_ids(instance: dict[str, Any]) -> dict[str, str]:
    return {item["DeviceName"]: item["Ebs"]["VolumeId"] for item in instance["BlockDeviceMappings"]}


def raw_error(world: World, job_id: str, server: str) -> str:
    return str(world.log(job_id, server)[-1]["eventData"]["rawError"])


def test_it_swaps_the_volumes_and_keeps_the_instance() -> None:
    world = World()
    server, target = world.pair()
    before = world.instance(target)

    job = world.finish(world.start(server))

    after = world.instance(target)
    assert job["participatingServers"] == [{"sourceServerID": server, "launchStatus": "LAUNCHED"}]
    assert {key: after[key] for key in KEPT} == {key: before[key] for key in KEPT}
    assert after["State"]["Name"] == "running"
    old, new = set(volume_ids(before).values()), set(volume_ids(after).values())
    volumes = world.volumes()
    assert not new & old
    assert {volumes[volume]["State"] for volume in old} == {"available"}
    assert set(volumes) == old | new, "no staging disk is left behind"
    for volume in new:
        assert volumes[volume]["SnapshotId"]
        assert "AWSElasticDisasterRecoveryManaged" in [tag["Key"] for tag in volumes[volume]["Tags"]]


def test_the_new_volumes_are_made_in_the_zone_of_the_target() -> None:
    world = World()
    server, target = world.server(), world.target(zone=f"{REGION}c")
    world.client.update_launch_configuration(
        sourceServerID=server, launchIntoInstanceProperties={"launchIntoEC2InstanceID": target}
    )
    job = world.finish(world.start(server))
    assert job["participatingServers"][0]["launchStatus"] == "LAUNCHED"


def test_every_disk_of_the_source_gets_a_volume_of_its_size() -> None:
    world = World()
    disks = [{"deviceName": "/dev/xvda", "bytes": 9 * GIB}, {"deviceName": "/dev/xvdb", "bytes": 100 * GIB}]
    disks.append({"deviceName": "/dev/xvdc", "bytes": 5 * GIB + 1})
    server, target = world.server(disks=disks), world.target(disks=(8, 50))
    world.client.update_launch_configuration(
        sourceServerID=server, launchIntoInstanceProperties={"launchIntoEC2InstanceID": target}
    )
    world.finish(world.start(server))
    volumes = world.volumes()
    attached = volume_ids(world.instance(target))
    assert {device: volumes[volume]["Size"] for device, volume in attached.items()} == {
        "/dev/xvda": 9,
        "/dev/sdb": 100,
        "/dev/sdf": 6,
    }


@pytest.mark.parametrize(("choice", "kept"), [("DETACH", False), ("KEEP", True)])
def test_extra_data_volumes_of_the_target(choice: Any, kept: bool) -> None:
    world = World(Settings(extra_data_volumes=choice))
    server, target = world.server(), world.target(disks=(8, 50))
    extra = volume_ids(world.instance(target))["/dev/sdb"]
    world.client.update_launch_configuration(
        sourceServerID=server, launchIntoInstanceProperties={"launchIntoEC2InstanceID": target}
    )
    world.finish(world.start(server))
    assert (volume_ids(world.instance(target)).get("/dev/sdb") == extra) is kept


@pytest.mark.parametrize(
    ("disposition", "settings", "fault", "state"),
    [
        ("STARTED", Settings(), False, "running"),
        ("STOPPED", Settings(), False, "stopped"),
        ("STOPPED", Settings(ignores_disposition=True), False, "running"),
        ("STOPPED", Settings(), True, "running"),
    ],
)
def test_the_disposition_decides_unless_it_is_ignored(
    disposition: str, settings: Settings, fault: bool, state: str
) -> None:
    world = World(settings)
    server, target = world.pair(launchDisposition=disposition)
    if fault:
        world.fault("IGNORES_DISPOSITION", server="web-1")
    world.finish(world.start(server))
    world.clock.advance(60)
    assert world.instance(target)["State"]["Name"] == state


def test_the_recovery_instance_has_the_id_of_the_target() -> None:
    world = World()
    server, target = world.pair()
    job_id = world.start(server, isDrill=True)
    world.finish(job_id)
    world.clock.advance(60)
    (item,) = world.recovery_instances(server)
    assert (item["recoveryInstanceID"], item["ec2InstanceID"]) == (target, target)
    assert (item["jobID"], item["isDrill"], item["ec2InstanceState"]) == (job_id, True, "RUNNING")
    assert item["arn"] == f"arn:aws:drs:{REGION}:{ACCOUNT}:recovery-instance/{target}"
    assert item["dataReplicationInfo"]["dataReplicationState"] == "NOT_STARTED"
    assert item["failback"]["state"] == "FAILBACK_NOT_STARTED"
    assert world.source_server(server)["recoveryInstanceId"] == target


def test_the_swap_is_done_as_the_caller_and_the_snapshot_as_drs() -> None:
    world = World()
    server, _ = world.pair()
    world.ec2.calls.clear()
    world.finish(world.start(server))
    by_caller = {action for key, action in world.ec2.calls if key == ACCOUNT}
    by_drs = {action for key, action in world.ec2.calls if key is None}
    assert by_caller == {
        "ec2:DescribeInstances",
        "ec2:DescribeVolumes",
        "ec2:CreateVolume",
        "ec2:DetachVolume",
        "ec2:AttachVolume",
        "ec2:StartInstances",
    }
    assert "ec2:CreateSnapshot" in by_drs


@pytest.mark.parametrize("action", ["CreateVolume", "DetachVolume", "AttachVolume", "StartInstances"])
def test_a_missing_ec2_permission_fails_the_launch_after_the_conversion(action: str) -> None:
    world = World()
    server, _ = world.pair()
    world.ec2.denied.add(f"ec2:{action}")
    job_id = world.start(server)
    job = world.finish(job_id)
    assert job["participatingServers"][0]["launchStatus"] == "FAILED"
    events = world.events_of(job_id, server)
    assert events[-1] == "LAUNCH_FAILED"
    assert "CONVERSION_END" in events
    assert f"(UnauthorizedOperation) when calling the {action}" in raw_error(world, job_id, server)
    assert world.source_server(server)["lastLaunchResult"] == "FAILED"


def test_the_permission_only_action_is_asked_for_as_the_caller() -> None:
    asked: list[tuple[str, str, str]] = []

    def authorize(caller: Caller, action: str, resource: str) -> bool:
        asked.append((caller.account, action, resource))
        return False

    world = World(authorize=authorize)
    server, target = world.pair()
    job_id = world.start(server)
    job = world.finish(job_id)
    arn = f"arn:aws:drs:{REGION}:{ACCOUNT}:source-server/{server}"
    assert asked == [(ACCOUNT, "drs:CreateRecoveryInstanceForDrs", arn)]
    assert job["participatingServers"][0]["launchStatus"] == "FAILED"
    assert "not authorized to perform: drs:CreateRecoveryInstanceForDrs" in raw_error(world, job_id, server)
    assert world.instance(target)["State"]["Name"] == "stopped"


def test_a_target_that_does_not_start_fails_that_server_alone() -> None:
    world = World()
    bad, target = world.pair("bad")
    good, _ = world.pair("good")
    world.ec2.broken[target, "StartInstances"] = "InsufficientInstanceCapacity"
    job_id = world.start(bad, good)
    job = world.finish(job_id)
    assert {part["sourceServerID"]: part["launchStatus"] for part in job["participatingServers"]} == {
        bad: "FAILED",
        good: "LAUNCHED",
    }
    assert "InsufficientInstanceCapacity" in raw_error(world, job_id, bad)


def test_a_target_started_meanwhile_fails_in_the_job() -> None:
    world = World()
    server, target = world.pair()
    job_id = world.start(server)
    world.ec2.change(ACCOUNT, REGION, target, state="running")
    world.finish(job_id)
    assert "not stopped" in raw_error(world, job_id, server)
    assert volume_ids(world.instance(target)), "its own volumes are still attached"


@pytest.mark.parametrize("state", ["running", "stopping", "pending"])
def test_a_target_that_is_not_stopped_refuses_the_call(state: str) -> None:
    world = World()
    server, target = world.pair()
    world.ec2.change(ACCOUNT, REGION, target, state=state)
    with pytest.raises(world.client.exceptions.ConflictException, match=target):
        world.start(server)
    assert world.client.describe_jobs()["items"] == []
    assert world.source_server(server)["lastLaunchResult"] == "NOT_STARTED"


@pytest.mark.parametrize("tags", [{}, {"AWSDRS": "allowlaunchingintothisinstance"}, {"awsdrs": "x"}])
def test_a_target_without_the_very_tag_refuses_the_call(tags: dict[str, str]) -> None:
    world = World()
    server, target = world.pair()
    world.ec2.change(ACCOUNT, REGION, target, tags=tags)
    with pytest.raises(world.client.exceptions.ConflictException, match="AWSDRS"):
        world.start(server)


def test_a_target_that_is_missing_refuses_the_call() -> None:
    world = World()
    server, target = world.pair()
    world.ec2.forget(ACCOUNT, REGION, target)
    with pytest.raises(world.client.exceptions.ConflictException, match="does not exist"):
        world.start(server)


@pytest.mark.parametrize(
    ("setting", "change"),
    [
        ("running_target", {"state": "running"}),
        ("untagged_target", {"tags": {}}),
        ("missing_target", {"state": "terminated"}),
    ],
)
def test_the_other_reading_starts_the_job_and_fails_the_server(setting: str, change: dict[str, Any]) -> None:
    world = World(Settings().changed({setting: "LAUNCH_FAILED"}))
    server, target = world.pair()
    world.ec2.change(ACCOUNT, REGION, target, **change)
    job = world.finish(world.start(server))
    assert job["participatingServers"][0]["launchStatus"] == "FAILED"


@pytest.mark.parametrize(
    ("difference", "field"),
    [
        ({"architecture": "arm64"}, "Architecture"),
        ({"platform": "windows"}, "Platform"),
        ({"boot_mode": "uefi"}, "BootMode"),
    ],
)
def test_a_target_of_another_kind_is_refused_with_the_documented_text(
    difference: dict[str, str], field: str
) -> None:
    world = World()
    server, target = world.server(), world.target(**difference)
    with pytest.raises(world.client.exceptions.ValidationException) as refusal:
        world.client.update_launch_configuration(
            sourceServerID=server, launchIntoInstanceProperties={"launchIntoEC2InstanceID": target}
        )
    assert refusal.value.response["Error"]["Message"] == (
        f"You cannot define the EC2 instance {target} as a launch into instance ID as is has conflicting "
        f"instance settings to those of the source server ({server}). The following fields have a "
        f"configuration mismatch: {field}."
    )
    assert "launchIntoInstanceProperties" not in world.client.get_launch_configuration(sourceServerID=server)


def test_a_mismatch_accepted_at_update_fails_at_launch() -> None:
    world = World(Settings(mismatch_at_update="ACCEPT"))
    server, target = world.server(), world.target(architecture="arm64")
    world.client.update_launch_configuration(
        sourceServerID=server, launchIntoInstanceProperties={"launchIntoEC2InstanceID": target}
    )
    job_id = world.start(server)
    world.finish(job_id)
    assert "configuration mismatch: Architecture" in raw_error(world, job_id, server)


def test_two_servers_do_not_launch_into_one_instance() -> None:
    world = World()
    first, target = world.pair("a")
    second = world.server("b")
    world.client.update_launch_configuration(
        sourceServerID=second, launchIntoInstanceProperties={"launchIntoEC2InstanceID": target}
    )
    with pytest.raises(world.client.exceptions.ConflictException, match=target):
        world.start(first, second)
    world.start(first)
    with pytest.raises(world.client.exceptions.ConflictException, match=target):
        world.start(second)


def test_a_second_launch_goes_into_the_same_instance_and_keeps_the_first_volumes() -> None:
    world = World()
    server, target = world.pair(launchDisposition="STOPPED")
    world.finish(world.start(server))
    first = volume_ids(world.instance(target))
    job_id = world.start(server)
    world.finish(job_id)
    assert "CLEANUP_START" not in world.events_of(job_id)
    assert world.instance(target)["State"]["Name"] == "stopped"
    assert world.volumes()[first["/dev/xvda"]]["State"] == "available"
    assert len(world.recovery_instances(server)) == 1


def test_own_old_volumes_are_deleted_if_the_setting_asks() -> None:
    world = World(Settings(deletes_own_old_volumes=True))
    server, target = world.pair(launchDisposition="STOPPED")
    original = volume_ids(world.instance(target))["/dev/xvda"]
    world.finish(world.start(server))
    first = volume_ids(world.instance(target))["/dev/xvda"]
    world.finish(world.start(server))
    assert original in world.volumes()
    assert first not in world.volumes()


def test_terminating_a_launched_into_instance_really_terminates_it() -> None:
    world = World()
    server, target = world.pair()
    world.finish(world.start(server))
    job = world.client.terminate_recovery_instances(recoveryInstanceIDs=[target])["job"]
    world.finish(job["jobID"])
    assert world.instance(target)["State"]["Name"] == "terminated"
    assert "recoveryInstanceId" not in world.source_server(server)


def test_termination_protection_saves_a_launched_into_instance() -> None:
    world = World()
    server, target = world.pair()
    world.finish(world.start(server))
    world.ec2.change(ACCOUNT, REGION, target, protected=True)
    job_id = world.client.terminate_recovery_instances(recoveryInstanceIDs=[target])["job"]["jobID"]
    job = world.finish(job_id)
    assert job["participatingServers"][0]["launchStatus"] == "FAILED"
    assert "disableApiTermination" in raw_error(world, job_id, server)
    assert world.instance(target)["State"]["Name"] == "running"


def test_the_previous_target_is_kept_or_terminated_as_the_setting_says() -> None:
    for choice, state in (("KEEP", "running"), ("TERMINATE", "terminated")):
        world = World(Settings().changed({"cleanup_of_launched_into": choice}))
        server, first = world.pair()
        world.finish(world.start(server))
        second = world.ec2.add_instance(ACCOUNT, REGION, InstanceSpec(tags=TARGET_TAGS))
        world.client.update_launch_configuration(
            sourceServerID=server, launchIntoInstanceProperties={"launchIntoEC2InstanceID": second}
        )
        world.finish(world.start(server))
        assert world.instance(first)["State"]["Name"] == state
        assert [item["recoveryInstanceID"] for item in world.recovery_instances(server)] == [second]


def test_new_volumes_wait_until_the_old_ones_have_let_go() -> None:
    world = World(Settings(launch_into_linux=(10, 11)))
    world.ec2.detach_seconds = 60
    server, _ = world.pair()
    assert world.finish(world.start(server))["participatingServers"][0]["launchStatus"] == "LAUNCHED"


def test_old_volumes_that_never_let_go_fail_the_launch() -> None:
    world = World()
    world.ec2.detach_seconds = 3600
    server, _ = world.pair()
    job_id = world.start(server)
    world.finish(job_id)
    assert "did not become available" in raw_error(world, job_id, server)


def test_the_last_of_two_servers_wins_a_shared_target_if_the_setting_asks() -> None:
    world = World(Settings(shared_target="LAST_WINS"))
    first, target = world.pair("a", launchDisposition="STOPPED")
    second = world.server("b")
    world.client.update_launch_configuration(
        sourceServerID=second,
        launchDisposition="STOPPED",
        launchIntoInstanceProperties={"launchIntoEC2InstanceID": target},
    )
    world.finish(world.start(first))
    world.finish(world.start(second))
    assert [item["sourceServerID"] for item in world.recovery_instances()] == [second]


@pytest.mark.parametrize(
    ("instance", "fields"),
    [
        ({}, []),
        ({"VirtualizationType": "paravirtual"}, ["VirtualizationType"]),
        ({"RootDeviceType": "instance-store"}, ["RootDeviceType"]),
        ({"BootMode": "uefi"}, ["BootMode"]),
        ({"BootMode": "uefi", "CurrentInstanceBootMode": "legacy-bios"}, []),
        ({"Platform": "Windows", "Architecture": "arm64"}, ["Architecture", "Platform"]),
    ],
)
def test_what_ec2_does_not_say_is_not_counted_against_a_target(
    instance: dict[str, Any], fields: list[str]
) -> None:
    server = SourceServer(
        "s-0", "arn", 1, "web-1", "linux", "x86_64", "legacy-bios", [], Replication("CONTINUOUS"), NOW, {}, {}
    )
    assert mismatches(Settings(), server, instance) == fields
