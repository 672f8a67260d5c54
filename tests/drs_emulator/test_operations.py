"""Every operation beside launches: what it does, and what it refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from drs_emulator import Settings
from tests.drs_emulator.world import ACCOUNT, GIB, REGION, World

NO_SERVER = "s-00000000000000000"
NO_INSTANCE = "i-00000000000000000"
RULES = [
    {"ruleID": number, "units": unit, "interval": 1, "retentionDuration": 2, "enabled": True}
    for number, unit in enumerate(["MINUTE", "HOUR", "DAY"], start=1)
]
REPLICATION = {
    "stagingAreaSubnetId": "subnet-00000000000000000",
    "replicationServersSecurityGroupsIDs": [],
    "ebsEncryption": "DEFAULT",
    "bandwidthThrottling": 0,
    "stagingAreaTags": {},
    "pitPolicy": RULES,
}


def ids(items: list[dict[str, Any]]) -> list[str]:
    return [item["sourceServerID"] for item in items]


# --- source servers ---


def test_initialize_service_may_be_repeated() -> None:
    world = World()
    world.client.initialize_service()
    world.client.initialize_service()
    assert world.client.describe_source_servers()["items"] == []


def test_a_seeded_server_reads_like_a_real_one() -> None:
    world = World()
    server = world.server(
        "web-1.example.com",
        tags={"Name": "web-1", "tier": "web"},
        awsInstanceID="i-0123456789abcdef0",
        originAccountID="111111111111",
        originRegion="us-east-1",
        originAvailabilityZone="us-east-1a",
        platform="windows",
        disks=[{"deviceName": "c:0", "bytes": 30 * GIB}],
    )
    item = world.source_server(server)
    assert item["arn"] == f"arn:aws:drs:{REGION}:{ACCOUNT}:source-server/{server}"
    assert item["tags"] == {"Name": "web-1", "tier": "web"}
    assert (item["lastLaunchResult"], item["replicationDirection"]) == ("NOT_STARTED", "FAILOVER")
    assert item["lifeCycle"]["lastLaunch"] == {"initiated": {}}
    assert item["sourceProperties"]["identificationHints"]["awsInstanceID"] == "i-0123456789abcdef0"
    assert "Windows" in item["sourceProperties"]["os"]["fullString"]
    assert item["sourceCloudProperties"]["originRegion"] == "us-east-1"
    assert item["stagingArea"] == {"status": "NOT_EXTENDED", "stagingAccountID": ACCOUNT}
    info = item["dataReplicationInfo"]
    assert (info["dataReplicationState"], info["lagDuration"]) == ("CONTINUOUS", "P0D")
    (disk,) = info["replicatedDisks"]
    assert disk["totalStorageBytes"] == disk["replicatedStorageBytes"] == disk["rescannedStorageBytes"]


def test_servers_are_found_by_id_hardware_and_staging_account() -> None:
    world = World()
    first = world.server("a", awsInstanceID="i-0123456789abcdef0")
    second = world.server("b", stagingAccountID="333333333333", macAddress="02:00:00:00:00:02")
    describe = world.client.describe_source_servers
    assert ids(describe()["items"]) == [first, second]
    assert ids(describe(filters={"sourceServerIDs": [second]})["items"]) == [second]
    assert ids(describe(filters={"hardwareId": "i-0123456789abcdef0"})["items"]) == [first]
    assert ids(describe(filters={"hardwareId": "02:00:00:00:00:02"})["items"]) == [second]
    assert ids(describe(filters={"stagingAccountIDs": ["333333333333"]})["items"]) == [second]
    assert (
        describe(filters={"sourceServerIDs": [first], "stagingAccountIDs": ["333333333333"]})["items"] == []
    )
    assert describe(filters={"sourceServerIDs": [NO_SERVER]})["items"] == []


def test_pages_have_every_server_once_even_if_some_come_and_go() -> None:
    world = World()
    made = world.seed(*({"hostname": f"web-{number}"} for number in range(7)))
    first = world.client.describe_source_servers(maxResults=3)
    world.client.disconnect_source_server(sourceServerID=made[2])
    world.client.delete_source_server(sourceServerID=made[2])
    late = world.server("late")
    second = world.client.describe_source_servers(maxResults=3, nextToken=first["nextToken"])
    third = world.client.describe_source_servers(maxResults=3, nextToken=second["nextToken"])
    assert "nextToken" not in third
    assert ids(first["items"] + second["items"] + third["items"]) == [*made, late]


def test_default_and_largest_page_size_are_settings() -> None:
    world = World(Settings(default_page_size=2, max_page_size=3))
    world.seed(*({"hostname": f"web-{number}"} for number in range(5)))
    assert len(world.client.describe_source_servers()["items"]) == 2
    assert len(world.client.describe_source_servers(maxResults=100)["items"]) == 3


@pytest.mark.parametrize("tamper", [lambda token: "nonsense", lambda token: token[:-6], lambda token: "AAAA"])
def test_a_token_that_was_not_given_out_is_refused(tamper: Any) -> None:
    world = World()
    world.seed({"hostname": "a"}, {"hostname": "b"})
    token = world.client.describe_source_servers(maxResults=1)["nextToken"]
    with pytest.raises(world.client.exceptions.ValidationException, match="nextToken"):
        world.client.describe_source_servers(nextToken=tamper(token))


def test_a_token_of_another_request_is_refused() -> None:
    world = World()
    made = world.seed({"hostname": "a"}, {"hostname": "b"})
    token = world.client.describe_source_servers(maxResults=1)["nextToken"]
    with pytest.raises(world.client.exceptions.ValidationException, match="nextToken"):
        world.client.describe_source_servers(filters={"sourceServerIDs": made}, nextToken=token)


def test_stopping_replication_deletes_the_points_in_time() -> None:
    world = World()
    server = world.server()
    assert world.client.describe_recovery_snapshots(sourceServerID=server)["items"]
    answer = world.client.stop_replication(sourceServerID=server)
    assert answer["sourceServer"]["dataReplicationInfo"]["dataReplicationState"] == "STOPPED"
    assert world.client.describe_recovery_snapshots(sourceServerID=server)["items"] == []
    with pytest.raises(world.client.exceptions.ConflictException):
        world.client.stop_replication(sourceServerID=server)
    with pytest.raises(world.client.exceptions.ConflictException, match="STOPPED"):
        world.start(server)


def test_starting_replication_again_is_an_initial_sync() -> None:
    world = World()
    server = world.server()
    with pytest.raises(world.client.exceptions.ConflictException):
        world.client.start_replication(sourceServerID=server)
    world.client.stop_replication(sourceServerID=server)
    world.client.start_replication(sourceServerID=server)
    seen: list[str] = []
    copied: list[int] = []
    for _ in range(60):
        info = world.source_server(server)["dataReplicationInfo"]
        if info["dataReplicationState"] not in seen:
            seen.append(info["dataReplicationState"])
        copied.append(info["replicatedDisks"][0]["replicatedStorageBytes"])
        world.clock.advance(10)
    assert seen == ["INITIATING", "INITIAL_SYNC", "CREATING_SNAPSHOT", "CONTINUOUS"]
    assert copied == sorted(copied)
    assert copied[-1] == 8 * GIB
    world.finish(world.start(server))


def test_stopping_in_the_middle_of_a_sync_lasts() -> None:
    world = World()
    server = world.server()
    world.client.stop_replication(sourceServerID=server)
    world.client.start_replication(sourceServerID=server)
    world.client.stop_replication(sourceServerID=server)
    world.clock.advance(3600)
    assert world.source_server(server)["dataReplicationInfo"]["dataReplicationState"] == "STOPPED"


def test_a_server_leaves_in_two_steps() -> None:
    world = World()
    server = world.server()
    with pytest.raises(world.client.exceptions.ConflictException, match="disconnected"):
        world.client.delete_source_server(sourceServerID=server)
    item = world.client.disconnect_source_server(sourceServerID=server)
    info = item["dataReplicationInfo"]
    assert info["dataReplicationState"] == "DISCONNECTED"
    assert "lagDuration" not in info
    assert [disk["totalStorageBytes"] for disk in info["replicatedDisks"]] == [0]
    world.client.delete_source_server(sourceServerID=server)
    with pytest.raises(world.client.exceptions.ResourceNotFoundException):
        world.client.delete_source_server(sourceServerID=server)


def test_a_server_with_a_recovery_instance_cannot_be_disconnected() -> None:
    world = World()
    server, target = world.pair()
    world.finish(world.start(server))
    with pytest.raises(world.client.exceptions.ConflictException, match=target):
        world.client.disconnect_source_server(sourceServerID=server)


def test_a_server_in_a_job_can_be_neither_stopped_nor_disconnected() -> None:
    world = World()
    server = world.server()
    world.start(server)
    for call in (world.client.stop_replication, world.client.disconnect_source_server):
        with pytest.raises(world.client.exceptions.ConflictException, match="processed by a Job"):
            call(sourceServerID=server)


@pytest.mark.parametrize(
    "operation",
    [
        "get_launch_configuration",
        "update_launch_configuration",
        "get_replication_configuration",
        "update_replication_configuration",
        "start_replication",
        "stop_replication",
        "disconnect_source_server",
        "delete_source_server",
    ],
)
def test_an_unknown_server_is_not_found(operation: str) -> None:
    world = World()
    world.client.initialize_service()
    with pytest.raises(world.client.exceptions.ResourceNotFoundException) as refusal:
        getattr(world.client, operation)(sourceServerID=NO_SERVER)
    assert refusal.value.response["resourceId"] == NO_SERVER


def test_the_same_id_in_another_account_is_not_found() -> None:
    world = World()
    server = world.server()
    other = world.make_client(account="333333333333")
    other.initialize_service()
    with pytest.raises(other.exceptions.ResourceNotFoundException):
        other.get_launch_configuration(sourceServerID=server)


# --- launch configuration ---


def test_an_update_changes_what_it_names_and_keeps_the_rest() -> None:
    world = World()
    server = world.server()
    before = world.client.get_launch_configuration(sourceServerID=server)
    after = world.client.update_launch_configuration(
        sourceServerID=server, launchDisposition="STOPPED", targetInstanceTypeRightSizingMethod="NONE"
    )
    for answer in (before, after):
        del answer["ResponseMetadata"]
    assert after == {
        **before,
        "launchDisposition": "STOPPED",
        "targetInstanceTypeRightSizingMethod": "NONE",
    }
    again = world.client.get_launch_configuration(sourceServerID=server)
    assert again["launchDisposition"] == "STOPPED"


def launch_into(world: World, server: str, target: str, **more: Any) -> Any:
    return world.client.update_launch_configuration(
        sourceServerID=server, launchIntoInstanceProperties={"launchIntoEC2InstanceID": target}, **more
    )


def test_an_empty_id_clears_the_target() -> None:
    world = World()
    server, target = world.pair()
    assert world.client.get_launch_configuration(sourceServerID=server)["launchIntoInstanceProperties"] == {
        "launchIntoEC2InstanceID": target
    }
    assert "launchIntoInstanceProperties" not in launch_into(world, server, "")


def test_an_empty_id_is_refused_if_the_setting_asks() -> None:
    world = World(Settings(empty_target_clears=False))
    with pytest.raises(world.client.exceptions.ValidationException):
        launch_into(world, world.server(), "")


@pytest.mark.parametrize("flag", ["copyTags", "copyPrivateIp"])
def test_launch_into_excludes_the_copy_settings(flag: str) -> None:
    world = World()
    server, target = world.server(), world.target()
    world.client.update_launch_configuration(sourceServerID=server, **{flag: True})
    with pytest.raises(world.client.exceptions.ValidationException, match=flag):
        launch_into(world, server, target)
    launch_into(world, server, target, **{flag: False})
    with pytest.raises(world.client.exceptions.ValidationException, match=flag):
        world.client.update_launch_configuration(sourceServerID=server, **{flag: True})


def test_the_copy_settings_are_switched_off_or_refused_later_as_the_settings_say() -> None:
    world = World(Settings(launch_into_with_copy="SWITCH_OFF"))
    server, target = world.server(), world.target()
    assert launch_into(world, server, target, copyTags=True)["copyTags"] is False
    world = World(Settings(launch_into_with_copy="ACCEPT"))
    server, target = world.server(), world.target()
    assert launch_into(world, server, target, copyTags=True)["copyTags"] is True
    with pytest.raises(world.client.exceptions.ConflictException, match="copyTags"):
        world.start(server)


def test_a_target_that_does_not_exist() -> None:
    world = World()
    with pytest.raises(world.client.exceptions.ValidationException, match="does not exist"):
        launch_into(world, world.server(), NO_INSTANCE)
    world = World(Settings(missing_target_at_update="ACCEPT"))
    launch_into(world, world.server(), NO_INSTANCE)


def test_an_untagged_target() -> None:
    world = World()
    launch_into(world, world.server(), world.ec2.add_instance(ACCOUNT, REGION))
    world = World(Settings(untagged_target_at_update="REFUSE"))
    with pytest.raises(world.client.exceptions.ValidationException, match="AWSDRS"):
        launch_into(world, world.server(), world.ec2.add_instance(ACCOUNT, REGION))


def test_a_uefi_linux_target() -> None:
    uefi = {"bootMode": "uefi"}
    world = World()
    launch_into(world, world.server(**uefi), world.target(boot_mode="uefi"))
    world = World(Settings(uefi_linux_target="REFUSE"))
    with pytest.raises(world.client.exceptions.ValidationException, match="BootMode"):
        launch_into(world, world.server(**uefi), world.target(boot_mode="uefi"))


def test_the_class_of_a_mismatch_is_a_setting() -> None:
    world = World(Settings(mismatch_error="ConflictException"))
    with pytest.raises(world.client.exceptions.ConflictException, match="Architecture"):
        launch_into(world, world.server(), world.target(architecture="arm64"))


def test_byol_on_windows_needs_a_dedicated_host() -> None:
    world = World()
    server, target = world.server(platform="windows"), world.target(platform="windows")
    with pytest.raises(world.client.exceptions.ValidationException, match="OS BYOL can only be used"):
        launch_into(world, server, target, licensing={"osByol": True})
    launch_into(world, world.server("linux"), world.target(), licensing={"osByol": True})


def test_fast_recovery_needs_a_recent_agent() -> None:
    world = World()
    old, new = world.server("old", agentVersion="6.42.19"), world.server("new", agentVersion="6.42.20")
    with pytest.raises(world.client.exceptions.ValidationException, match=r"6\.42\.20"):
        world.client.update_launch_configuration(sourceServerID=old, recoveryMode="FAST")
    world.client.update_launch_configuration(sourceServerID=new, recoveryMode="FAST")


def test_fast_recovery_with_launch_into() -> None:
    world = World()
    launch_into(world, world.server(), world.target(), recoveryMode="FAST")
    world = World(Settings(fast_with_launch_into="REFUSE"))
    with pytest.raises(world.client.exceptions.ValidationException, match="FAST"):
        launch_into(world, world.server(), world.target(), recoveryMode="FAST")


def test_new_servers_start_with_the_defaults_of_the_settings() -> None:
    world = World(
        Settings(
            default_launch_disposition="STOPPED",
            default_right_sizing="NONE",
            default_copy_tags=True,
            default_copy_private_ip=True,
        )
    )
    answer = world.client.get_launch_configuration(sourceServerID=world.server())
    assert (answer["launchDisposition"], answer["targetInstanceTypeRightSizingMethod"]) == ("STOPPED", "NONE")
    assert (answer["copyTags"], answer["copyPrivateIp"]) == (True, True)


# --- templates ---


def test_the_life_of_the_launch_configuration_template() -> None:
    world = World()
    world.client.initialize_service()
    assert world.client.describe_launch_configuration_templates()["items"] == []
    made = world.client.create_launch_configuration_template(launchDisposition="STOPPED", tags={"a": "b"})
    template = made["launchConfigurationTemplate"]
    template_id = template["launchConfigurationTemplateID"]
    assert (template["launchDisposition"], template["tags"]) == ("STOPPED", {"a": "b"})
    with pytest.raises(world.client.exceptions.ServiceQuotaExceededException) as refusal:
        world.client.create_launch_configuration_template()
    assert refusal.value.response["quotaCode"] == "L-1F3FAE4D"
    world.client.update_launch_configuration_template(
        launchConfigurationTemplateID=template_id, launchIntoSourceInstance=True
    )
    (item,) = world.client.describe_launch_configuration_templates(
        launchConfigurationTemplateIDs=[template_id]
    )["items"]
    assert (item["launchIntoSourceInstance"], item["launchDisposition"]) == (True, "STOPPED")
    inherited = world.client.get_launch_configuration(sourceServerID=world.server())
    assert inherited["launchDisposition"] == "STOPPED"
    world.client.delete_launch_configuration_template(launchConfigurationTemplateID=template_id)
    for call in (
        world.client.update_launch_configuration_template,
        world.client.delete_launch_configuration_template,
    ):
        with pytest.raises(world.client.exceptions.ResourceNotFoundException):
            call(launchConfigurationTemplateID=template_id)
    with pytest.raises(world.client.exceptions.ResourceNotFoundException):
        world.client.describe_launch_configuration_templates(launchConfigurationTemplateIDs=[template_id])


def test_the_life_of_a_replication_configuration_template() -> None:
    world = World()
    world.client.initialize_service()
    made = world.client.create_replication_configuration_template(**REPLICATION)
    template_id = made["replicationConfigurationTemplateID"]
    changed = world.client.update_replication_configuration_template(
        replicationConfigurationTemplateID=template_id, replicationServerInstanceType="m5.large"
    )
    assert changed["replicationServerInstanceType"] == "m5.large"
    (item,) = world.client.describe_replication_configuration_templates(
        replicationConfigurationTemplateIDs=[template_id]
    )["items"]
    assert item["pitPolicy"] == RULES
    inherited = world.client.get_replication_configuration(sourceServerID=world.server())
    assert inherited["replicationServerInstanceType"] == "m5.large"
    world.client.delete_replication_configuration_template(replicationConfigurationTemplateID=template_id)
    for call in (
        world.client.update_replication_configuration_template,
        world.client.delete_replication_configuration_template,
    ):
        with pytest.raises(world.client.exceptions.ResourceNotFoundException):
            call(replicationConfigurationTemplateID=template_id)


def test_a_custom_key_needs_its_arn() -> None:
    world = World()
    server = world.server()
    with pytest.raises(world.client.exceptions.ValidationException, match="ebsEncryptionKeyArn"):
        world.client.create_replication_configuration_template(**{**REPLICATION, "ebsEncryption": "CUSTOM"})
    with pytest.raises(world.client.exceptions.ValidationException, match="ebsEncryptionKeyArn"):
        world.client.update_replication_configuration(sourceServerID=server, ebsEncryption="CUSTOM")


def test_replication_settings_of_a_server() -> None:
    world = World()
    server = world.server()
    world.client.update_replication_configuration(sourceServerID=server, bandwidthThrottling=100)
    answer = world.client.get_replication_configuration(sourceServerID=server)
    assert answer["bandwidthThrottling"] == 100
    assert [disk["isBootDisk"] for disk in answer["replicatedDisks"]] == [True]


# --- points in time ---


def points(world: World, server: str, **more: Any) -> list[datetime]:
    pages = world.client.get_paginator("describe_recovery_snapshots").paginate(sourceServerID=server, **more)
    return [datetime.fromisoformat(item["timestamp"]) for page in pages for item in page["items"]]


def test_points_in_time_follow_their_schedule() -> None:
    world = World()
    times = points(world, world.server(), order="ASC")
    now = world.clock.now()
    assert times == sorted(set(times))
    assert [now - when for when in times[-7:]] == [timedelta(minutes=10 * step) for step in range(6, -1, -1)]
    hourly = [when for when in times if now - timedelta(hours=24) <= when < now - timedelta(hours=1)]
    assert len(hourly) == 23
    daily = [when for when in times if when < now - timedelta(hours=24)]
    assert [when.hour for when in daily] == [0] * 6


def test_a_point_keeps_its_id_while_time_goes_on() -> None:
    world = World()
    server = world.server()
    before = world.client.describe_recovery_snapshots(sourceServerID=server, maxResults=1)["items"][0]
    world.clock.advance(600)
    after = world.client.describe_recovery_snapshots(sourceServerID=server, maxResults=2)["items"]
    assert after[1] == before
    assert after[0]["snapshotID"] != before["snapshotID"]


def test_points_are_filtered_and_ordered() -> None:
    world = World()
    server = world.server()
    everything = points(world, server, order="ASC")
    assert points(world, server) == everything[::-1]
    since = datetime(2025, 12, 31, 23, 30, tzinfo=UTC)
    text = since.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert points(world, server, filters={"fromDateTime": text}, order="ASC") == everything[-4:]
    assert points(world, server, filters={"toDateTime": text}, order="ASC") == everything[:-3]
    ascending = World(Settings(snapshot_order="ASC"))
    assert points(ascending, ascending.server()) == everything


def test_a_policy_of_its_own_changes_the_schedule() -> None:
    world = World()
    server = world.server()
    rules = [{**RULES[0]}, {**RULES[1], "enabled": False}, {**RULES[2], "enabled": False}]
    world.client.update_replication_configuration(sourceServerID=server, pitPolicy=rules)
    now = world.clock.now()
    assert points(world, server) == [now - timedelta(minutes=step) for step in range(3)]


def test_a_lag_ends_the_schedule_earlier() -> None:
    world = World()
    newest = points(world, world.server(lagSeconds=1800))[0]
    assert world.clock.now() - newest == timedelta(minutes=30)


def test_snapshots_of_an_unknown_server() -> None:
    world = World()
    world.client.initialize_service()
    with pytest.raises(world.client.exceptions.ValidationException, match=NO_SERVER):
        world.client.describe_recovery_snapshots(sourceServerID=NO_SERVER)


# --- tags ---


def test_tags_of_every_kind_of_resource() -> None:
    world = World()
    server, _ = world.pair()
    job_id = world.start(server, tags={"execution": "e-1"})
    job = world.finish(job_id)
    template = world.client.create_launch_configuration_template()["launchConfigurationTemplate"]
    replication = world.client.create_replication_configuration_template(**REPLICATION)
    arns = [
        world.source_server(server)["arn"],
        world.recovery_instances(server)[0]["arn"],
        job["arn"],
        template["arn"],
        replication["arn"],
    ]
    for arn in arns:
        world.client.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
        world.client.tag_resource(resourceArn=arn, tags={"b": "3"})
        world.client.untag_resource(resourceArn=arn, tagKeys=["a", "missing"])
        tags = world.client.list_tags_for_resource(resourceArn=arn)["tags"]
        assert tags["b"] == "3"
        assert "a" not in tags
        assert world.drs.tags(ACCOUNT, REGION, arn) == tags
    assert world.job(job_id)["tags"] == {"execution": "e-1", "b": "3"}


def test_refusals_of_tags() -> None:
    world = World()
    arn = world.source_server(world.server())["arn"]
    with pytest.raises(world.client.exceptions.ValidationException, match="reserved"):
        world.client.tag_resource(resourceArn=arn, tags={"aws:x": "1"})
    with pytest.raises(world.client.exceptions.ValidationException, match="at most 50"):
        world.client.tag_resource(resourceArn=arn, tags={f"k{number}": "" for number in range(50)})
    elsewhere = arn.replace(REGION, "us-east-1")
    with pytest.raises(world.client.exceptions.ResourceNotFoundException):
        world.client.tag_resource(resourceArn=elsewhere, tags={})
    with pytest.raises(world.client.exceptions.ResourceNotFoundException):
        world.client.untag_resource(resourceArn=elsewhere, tagKeys=["a"])
    with pytest.raises(world.client.exceptions.ResourceNotFoundException):
        world.client.list_tags_for_resource(resourceArn=elsewhere)


def test_who_decides_about_access_sees_tags_whatever_the_faults() -> None:
    world = World()
    arn = world.source_server(world.server(tags={"a": "b"}))["arn"]
    world.fault("THROTTLED", operation="ListTagsForResource")
    assert world.drs.tags(ACCOUNT, REGION, arn) == {"a": "b"}
    assert world.drs.tags(ACCOUNT, "us-east-1", arn) == {}


def test_age_throughput_and_tag_limit_are_settings() -> None:
    world = World(Settings(seeded_age_days=1, initial_sync_bytes_per_second=GIB, tags_per_resource=1))
    server = world.server()
    assert len([when for when in points(world, server) if when < world.clock.now() - timedelta(days=1)]) == 0
    with pytest.raises(world.client.exceptions.ValidationException, match="at most 1 "):
        world.client.tag_resource(resourceArn=world.source_server(server)["arn"], tags={"a": "b"})
    world.client.stop_replication(sourceServerID=server)
    world.client.start_replication(sourceServerID=server)
    world.clock.advance(170 + 8 + 120)
    assert world.source_server(server)["dataReplicationInfo"]["dataReplicationState"] == "CONTINUOUS"
