"""Staging accounts: extended source servers, their launch in two jobs, and the failback from one."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tests.drs_emulator.failback_world import ORIGIN_ACCOUNT, ORIGIN_REGION, QUICK, TEMPLATE, FailbackWorld
from tests.drs_emulator.world import ACCOUNT, REGION

STAGING = "333333333333"
KEY = f"arn:aws:kms:{REGION}:{STAGING}:key/11111111-2222-3333-4444-555555555555"


class StagingWorld(FailbackWorld):
    """``staging`` replicates the servers, ``client`` launches them."""

    def __init__(self, **more: Any) -> None:
        super().__init__(dataclasses.replace(QUICK, **more))
        self.client.initialize_service()
        self.staging = self.make_client(STAGING, REGION)

    def staged(self, name: str = "web-1", *, own_key: bool = True) -> str:
        """A server that replicates into the staging account; returns its ARN."""
        body = {
            "hostname": name,
            "tags": {"Name": name},
            "awsInstanceID": self.original(name),
            "originAccountID": ORIGIN_ACCOUNT,
            "originRegion": ORIGIN_REGION,
        }
        answer = self.admin(
            "POST", "/source-servers", {"account": STAGING, "region": REGION, "servers": [body]}
        )
        server = answer["sourceServerIDs"][0]
        if own_key:
            self.staging.update_replication_configuration(
                sourceServerID=server, ebsEncryption="CUSTOM", ebsEncryptionKeyArn=KEY
            )
        return f"arn:aws:drs:{REGION}:{STAGING}:source-server/{server}"

    def extend(self, arn: str, **more: Any) -> dict[str, Any]:
        """Extend a staged server."""
        return dict(self.client.create_extended_source_server(sourceServerArn=arn, **more)["sourceServer"])

    def extensible(self) -> list[str]:
        """The ARNs that can be extended."""
        return [
            item["arn"]
            for item in self.client.list_extensible_source_servers(stagingAccountID=STAGING)["items"]
        ]


def test_a_staged_server_is_extended_once_into_an_account() -> None:
    world = StagingWorld()
    arn = world.staged()
    assert world.extensible() == [arn]
    assert world.client.list_staging_accounts()["accounts"] == []
    item = world.extend(arn, tags={"tier": "web"})
    assert item["sourceServerID"] != arn.rpartition("/")[2]
    assert item["arn"].startswith(f"arn:aws:drs:{REGION}:{ACCOUNT}:source-server/s-")
    assert item["tags"] == {"Name": "web-1", "tier": "web"}
    assert item["stagingArea"] == {
        "status": "EXTENDED",
        "stagingAccountID": STAGING,
        "stagingSourceServerArn": arn,
    }
    assert world.extensible() == []
    assert world.client.list_staging_accounts()["accounts"] == [{"accountID": STAGING}]
    with pytest.raises(world.client.exceptions.ValidationException, match="already"):
        world.extend(arn)


def test_the_default_key_and_other_impossible_extensions_are_refused() -> None:
    world = StagingWorld()
    refused = world.client.exceptions.ValidationException
    with pytest.raises(refused, match="cannot be extended if it has the default EBS encryption key"):
        world.extend(world.staged("default-key", own_key=False))
    with pytest.raises(refused, match="its own account"):
        world.extend(world.source_server(world.server())["arn"])
    extended = world.extend(world.staged())
    other = world.make_client("444444444444", REGION)
    other.initialize_service()
    with pytest.raises(other.exceptions.ValidationException, match="extended source server itself"):
        other.create_extended_source_server(sourceServerArn=extended["arn"])
    elsewhere = world.make_client("444444444444", "eu-west-1")
    elsewhere.initialize_service()
    with pytest.raises(elsewhere.exceptions.ValidationException, match="Region"):
        elsewhere.create_extended_source_server(sourceServerArn=world.staged("far"))
    deleted = world.staged("deleted")
    world.staging.disconnect_source_server(sourceServerID=deleted.rpartition("/")[2])
    with pytest.raises(refused, match="disconnected"):
        world.extend(deleted)
    with pytest.raises(world.client.exceptions.ResourceNotFoundException):
        world.extend(f"arn:aws:drs:{REGION}:{STAGING}:source-server/s-00000000000000000")


def test_replication_of_an_extended_server_is_managed_in_the_staging_account() -> None:
    world = StagingWorld()
    arn = world.staged()
    server = world.extend(arn)["sourceServerID"]
    conflict = world.client.exceptions.ConflictException
    for call in (
        world.client.stop_replication,
        world.client.start_replication,
        world.client.disconnect_source_server,
        world.client.update_replication_configuration,
    ):
        with pytest.raises(conflict, match=f"staging account {STAGING}"):
            call(sourceServerID=server)
    staged = arn.rpartition("/")[2]
    world.staging.stop_replication(sourceServerID=staged)
    assert world.source_server(server)["dataReplicationInfo"]["dataReplicationState"] == "STOPPED"
    world.staging.disconnect_source_server(sourceServerID=staged)
    world.staging.delete_source_server(sourceServerID=staged)
    area = world.source_server(server)["stagingArea"]
    assert area["status"] == "EXTENSION_ERROR"
    assert "no longer exists" in area["errorMessage"]


def test_an_extended_server_may_be_deleted_at_any_time_and_replication_goes_on() -> None:
    world = StagingWorld()
    arn = world.staged()
    server = world.extend(arn)["sourceServerID"]
    world.client.delete_source_server(sourceServerID=server)
    (item,) = world.staging.describe_source_servers()["items"]
    assert item["dataReplicationInfo"]["dataReplicationState"] == "CONTINUOUS"
    assert world.extensible() == [arn]
    assert world.extend(arn)["sourceServerID"] != server


def test_a_launch_is_two_jobs_one_in_either_account() -> None:
    world = StagingWorld()
    arns = [world.staged("web-1"), world.staged("web-2")]
    servers = [world.extend(arn)["sourceServerID"] for arn in arns]
    job_id = world.start(*servers)
    world.clock.advance(60)
    (staging_job,) = world.staging.describe_jobs()["items"]
    assert (staging_job["type"], staging_job["initiatedBy"]) == (
        "CREATE_CONVERTED_SNAPSHOT",
        "TARGET_ACCOUNT",
    )
    staged = [arn.rpartition("/")[2] for arn in arns]
    assert [part["sourceServerID"] for part in staging_job["participatingServers"]] == staged
    with pytest.raises(world.staging.exceptions.ConflictException):
        world.staging.stop_replication(sourceServerID=staged[0])
    job = world.finish(job_id)
    assert {part["launchStatus"] for part in job["participatingServers"]} == {"LAUNCHED"}
    (staging_job,) = world.staging.describe_jobs()["items"]
    assert staging_job["status"] == "COMPLETED"
    assert staging_job["endDateTime"] < job["endDateTime"]
    log = world.staging.describe_job_log_items(jobID=staging_job["jobID"])["items"]
    events = [item["event"] for item in log if item["eventData"].get("sourceServerID") in (None, staged[0])]
    assert events == [
        "JOB_START",
        "SNAPSHOT_START",
        "SNAPSHOT_END",
        "CONVERSION_START",
        "CONVERSION_END",
        "JOB_END",
    ]
    assert world.events_of(job_id, servers[0]) == ["LAUNCH_START", "LAUNCH_END"]
    started, ended = (world.log(job_id)[index]["logDateTime"] for index in (0, -1))
    assert ended > started


def test_a_conversion_that_fails_in_the_staging_account_fails_the_launch() -> None:
    world = StagingWorld()
    server = world.extend(world.staged())["sourceServerID"]
    world.fault("PHASE_FAILS", server=server, phase="CONVERSION", message="no key")
    job = world.finish(world.start(server))
    assert job["participatingServers"][0]["launchStatus"] == "FAILED"
    assert world.log(job["jobID"], server)[-1]["eventData"]["rawError"] == "no key"
    (staging_job,) = world.staging.describe_jobs()["items"]
    world.clock.advance(10)
    assert staging_job["participatingServers"][0]["launchStatus"] == "FAILED"


def test_an_extended_server_can_be_launched_from_a_point_in_time() -> None:
    world = StagingWorld()
    server = world.extend(world.staged())["sourceServerID"]
    point = world.client.describe_recovery_snapshots(sourceServerID=server)["items"][3]
    job = world.client.start_recovery(
        sourceServers=[{"sourceServerID": server, "recoverySnapshotID": point["snapshotID"]}]
    )["job"]["jobID"]
    world.finish(job)
    (item,) = world.recovery_instances(server)
    assert item["pointInTimeSnapshotDateTime"] == point["timestamp"]


def failed_back(world: StagingWorld) -> tuple[str, str, str]:
    """An extended server failed over and back: the staged server, the extended one and A1."""
    arn = world.staged()
    server = world.extend(arn)["sourceServerID"]
    original = world.source_server(server)["sourceProperties"]["identificationHints"]["awsInstanceID"]
    world.ec2.change(ORIGIN_ACCOUNT, ORIGIN_REGION, original, state="stopped")
    world.finish(world.start(server))
    (item,) = world.recovery_instances(server)
    reversed_server = world.reverse(item["recoveryInstanceID"])
    world.clock.advance(3600)
    world.fail_back(original, reversed_server)
    return arn.rpartition("/")[2], server, original


def test_after_a_failback_the_agent_of_an_extended_server_no_longer_replicates() -> None:
    world = StagingWorld()
    staged, server, original = failed_back(world)
    item = world.staging.describe_source_servers(filters={"sourceServerIDs": [staged]})["items"][0]
    assert item["dataReplicationInfo"]["dataReplicationError"] == {"error": "AGENT_NOT_SEEN"}
    assert world.source_server(server)["dataReplicationInfo"]["dataReplicationState"] == "STALLED"
    with pytest.raises(world.origin.exceptions.ConflictException, match="is extended"):
        world.reprotect(original)


def test_protecting_it_again_with_a_new_server_is_a_setting() -> None:
    world = StagingWorld(reprotect_of_extended="NEW_SERVER")
    world.client.create_replication_configuration_template(**TEMPLATE)
    staged, server, original = failed_back(world)
    made = world.reprotect(original)
    assert made not in (staged, server)
    assert world.source_server(made)["stagingArea"]["status"] == "NOT_EXTENDED"


def test_the_length_of_the_staging_job_is_a_setting() -> None:
    def seconds(**more: Any) -> float:
        world = StagingWorld(**more)
        before = world.clock.now()
        server = world.extend(world.staged())["sourceServerID"]
        world.finish(world.start(server))
        return (world.clock.now() - before).total_seconds()

    assert seconds() - seconds(staging_job_seconds=(60.0, 60.0)) > 600
