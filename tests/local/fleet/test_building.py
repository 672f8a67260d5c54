"""A fleet file becomes real: instances, addresses, source servers and faults, by ordinary AWS calls."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.fleet import BuiltServer, Fleet, FleetNotBuiltError, build, load
from local.simulation import VirtualCloud

FLEETS = Path(__file__).parents[3] / "fleets"
ORIGIN = ("111122223333", "us-east-1")
RECOVERY = ("444455556666", "us-east-2")


class Built:
    """The issue fleet in a cloud, and what EC2 and DRS show of it."""

    def __init__(self, cloud: VirtualCloud) -> None:
        self.cloud = cloud
        self.fleet = load(FLEETS / "trouble.yaml")
        self.servers = {server.name: server for server in make(self.fleet, cloud)}
        self.originals = instances(cloud, *ORIGIN)
        self.targets = instances(cloud, *RECOVERY)
        pages = cloud.client("drs", *RECOVERY).get_paginator("describe_source_servers").paginate()
        self.sources = {item["tags"]["Name"]: item for page in pages for item in page["items"]}
        _, faults = cloud.drs.admin("GET", "/faults", None)
        self.drs_faults: list[dict[str, Any]] = faults["faults"]
        _, faults = cloud.ec2.admin("GET", "/faults", None)
        self.ec2_faults: list[dict[str, Any]] = faults["faults"]

    def original(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.originals[self.servers[name].original_instance_id]
        return found

    def target(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.targets[self.servers[name].target_instance_ids[0]]
        return found


def make(fleet: Fleet, cloud: VirtualCloud) -> tuple[BuiltServer, ...]:
    return build(
        fleet,
        cloud.client,
        cloud.drs.admin,
        ec2=cloud.ec2.admin,
        pause=lambda: cloud.advance(5),
        workers=1,
    )


def instances(cloud: VirtualCloud, account: str, region: str) -> dict[str, Any]:
    pages = cloud.client("ec2", account, region).get_paginator("describe_instances").paginate()
    return {
        instance["InstanceId"]: {**instance, "tags": {tag["Key"]: tag["Value"] for tag in instance["Tags"]}}
        for page in pages
        for reservation in page["Reservations"]
        for instance in reservation["Instances"]
    }


@pytest.fixture(scope="module")
def built() -> Iterator[Built]:
    with VirtualCloud(parameters={"ExternalId": "drs-orchestrator"}) as cloud:
        yield Built(cloud)


def test_a_healthy_server_has_a_running_original_a_source_server_and_a_stopped_tagged_target(
    built: Built,
) -> None:
    server = built.servers["db-01"]
    original, target = built.originals[server.original_instance_id], built.target("db-01")

    assert original["State"]["Name"] == "running"
    assert original["PrivateIpAddress"].startswith("10.10.0.")
    assert original["tags"]["Name"] == target["tags"]["Name"] == "db-01"
    assert target["State"]["Name"] == "stopped"
    assert target["PrivateIpAddress"].startswith("10.20.0.")
    assert target["tags"]["AWSDRS"] == "AllowLaunchingIntoThisInstance"
    assert "RecoveryInstance" in target["IamInstanceProfile"]["Arn"]
    assert len(target["BlockDeviceMappings"]) == 2
    source = built.sources["db-01"]
    assert source["sourceServerID"] == server.source_server_id
    assert source["sourceProperties"]["identificationHints"]["awsInstanceID"] == server.original_instance_id
    (interface,) = source["sourceProperties"]["networkInterfaces"]
    (card,) = original["NetworkInterfaces"]
    assert interface["macAddress"] == card["MacAddress"]
    assert interface["ips"] == [card["PrivateIpAddress"]]
    assert source["tags"] == {
        "Name": "db-01",
        "dr:enabled": "true",
        "dr:recovery-strategy": "drs",
        "dr:wave": "data",
    }


def test_no_two_instances_share_an_address(built: Built) -> None:
    for there in (built.originals, built.targets):
        assert len({instance["PrivateIpAddress"] for instance in there.values()}) == len(there)
        macs = {instance["NetworkInterfaces"][0]["MacAddress"] for instance in there.values()}
        assert len(macs) == len(there)


def test_each_issue_shows_where_an_operator_would_find_it(built: Built) -> None:
    ids = {name: server.source_server_id for name, server in built.servers.items()}

    assert len(built.servers["db-02"].target_instance_ids) == 2
    assert built.servers["db-03"].target_instance_ids == ()
    assert built.sources["db-04"]["dataReplicationInfo"]["dataReplicationState"] == "DISCONNECTED"
    assert built.target("app-02")["State"]["Name"] == "running"
    assert "AWSDRS" not in built.target("app-03")["tags"]
    assert built.target("app-04")["Architecture"] == "arm64"
    assert built.sources["app-06"]["dataReplicationInfo"]["lagDuration"] != "P0D"
    assert built.target("app-07")["tags"]["Name"] == "app-07a"
    assert {(fault["kind"], fault["server"]) for fault in built.drs_faults} == {
        ("PHASE_FAILS", ids["db-05"]),
        ("SERVER_BUSY", ids["app-05"]),
        ("PHASE_FAILS", ids["web-03"]),
        ("AGENT_NEVER_CHECKS_IN", ids["failback-05"]),
        ("WRONG_STAGING_ACCOUNT", ids["failback-06"]),
        ("STALLS", ids["failback-07"]),
        ("STALLS", ids["failback-08"]),
        ("NOT_CONVERGING", ids["failback-09"]),
    }
    [fault] = built.ec2_faults
    assert (fault["kind"], fault["instance"]) == (
        "START_FAILS",
        built.servers["web-02"].target_instance_ids[0],
    )


def test_what_the_emulator_refuses_is_reported(built: Built, tmp_path: Path) -> None:
    text = (FLEETS / "three.yaml").read_text(encoding="utf-8")
    file = tmp_path / "fleet.yaml"
    file.write_text(f"{text}\nemulator: {{ settings: {{ tyme_factor: 2 }} }}\n", encoding="utf-8")

    with pytest.raises(FleetNotBuiltError, match="tyme_factor"):
        make(load(file), built.cloud)


def test_the_origin_is_ready_for_the_failback(built: Built) -> None:
    ec2 = built.cloud.client("ec2", *ORIGIN)
    drs = built.cloud.client("drs", *ORIGIN)
    original = built.original("db-01")

    assert original["tags"]["AWSDRS"] == "AllowLaunchingIntoThisInstance"
    assert "RecoveryInstance" in original["IamInstanceProfile"]["Arn"]
    assert original["MetadataOptions"]["HttpEndpoint"] == "enabled"
    [replication] = drs.describe_replication_configuration_templates()["items"]
    [staging] = ec2.describe_subnets(SubnetIds=[replication["stagingAreaSubnetId"]])["Subnets"]
    assert staging["VpcId"] == original["VpcId"] != ""
    assert staging["SubnetId"] != original["SubnetId"]
    [launch] = drs.describe_launch_configuration_templates()["items"]
    assert launch["launchIntoSourceInstance"]


@pytest.mark.parametrize("scope", [ORIGIN, RECOVERY])
def test_servers_reach_the_internet_through_nat_and_the_staging_area_directly(
    built: Built, scope: tuple[str, str]
) -> None:
    ec2 = built.cloud.client("ec2", *scope)
    instance = next(iter(instances(built.cloud, *scope).values()))
    tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [instance["VpcId"]]}])
    ways = {
        bool(table["Associations"][0].get("Main")): next(
            route for route in table["Routes"] if route["DestinationCidrBlock"] == "0.0.0.0/0"
        )
        for table in tables["RouteTables"]
    }

    assert ways[True]["NatGatewayId"].startswith("nat-")
    assert ways[False]["GatewayId"].startswith("igw-")


def test_issue_of_the_failback_shows_where_an_operator_would_find_it(built: Built) -> None:
    assert "AWSDRS" not in built.original("failback-02")["tags"]
    for name, open_ in (("failback-01", True), ("failback-03", False)):
        [group] = built.target(name)["SecurityGroups"]
        ec2 = built.cloud.client("ec2", *RECOVERY)
        [found] = ec2.describe_security_groups(GroupIds=[group["GroupId"]])["SecurityGroups"]
        assert bool(found["IpPermissionsEgress"]) is open_
    for instance in (built.original("failback-04"), built.target("failback-04")):
        assert "IamInstanceProfile" not in instance
