"""EC2 as a DR check and a DRS launch see it, in this process and on a clock that moves on request."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from drs_emulator.clock import ManualClock
from local.ministack import ec2_extras
from local.ministack.ec2_extras import Ec2Extras
from local.ministack.images import IMAGES, NoSuchImageError, image_for

os.environ.setdefault("DOCKER_HOST", "unix:///nonexistent/docker.sock")

LINUX = IMAGES["linux", "x86_64", "uefi"]
WINDOWS = IMAGES["windows", "x86_64", "legacy-bios"]
REGION, ACCOUNT = "us-east-2", "111122223333"


class Cloud:
    """EC2 in this process; ``client`` is boto3's, its requests go straight to the handlers."""

    def __init__(self, seed: int = 0) -> None:
        from ministack.services import ec2

        ec2.reset()
        self.clock = ManualClock()
        self.events: list[dict[str, Any]] = []
        self.extras: Ec2Extras = ec2_extras.install(
            self.clock, seed, lambda account, region, event: self.events.append(event)
        )
        self.client: Any = boto3.client(
            "ec2", region_name=REGION, aws_access_key_id=ACCOUNT, aws_secret_access_key="x"
        )
        self.client.meta.events.register("before-send.ec2", self._send)

    def _send(self, request: Any, **_: Any) -> Any:
        from ministack.core.responses import request_scope
        from ministack.services import ec2

        body = request.body if isinstance(request.body, bytes) else request.body.encode()
        with request_scope(ACCOUNT, REGION):
            status, headers, content = asyncio.run(ec2.handle_request("POST", "/", {}, body, {}))
        response = AWSResponse(request.url, status, headers, None)
        response._content = content  # type: ignore[attr-defined]
        return response

    def run(self, **more: Any) -> list[dict[str, Any]]:
        arguments = {"ImageId": LINUX, "InstanceType": "t3.large", "MinCount": 1, "MaxCount": 1, **more}
        found: list[dict[str, Any]] = self.client.run_instances(**arguments)["Instances"]
        return found

    def stopped(self, **more: Any) -> str:
        """An instance that has been run and stopped."""
        name = str(self.run(**more)[0]["InstanceId"])
        self.clock.advance(60)
        self.client.stop_instances(InstanceIds=[name])
        self.clock.advance(60)
        assert self.instance(name)["State"]["Name"] == "stopped"
        return name

    def instance(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.describe_instances(InstanceIds=[name])["Reservations"][0][
            "Instances"
        ][0]
        return found

    def state(self, name: str) -> str:
        return str(self.instance(name)["State"]["Name"])

    def checks(self, name: str) -> tuple[str, str]:
        (found,) = self.client.describe_instance_status(InstanceIds=[name], IncludeAllInstances=True)[
            "InstanceStatuses"
        ]
        return found["SystemStatus"]["Status"], found["InstanceStatus"]["Status"]


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_a_launch_takes_time_and_then_its_status_checks(cloud: Cloud) -> None:
    name = cloud.run()[0]["InstanceId"]
    assert (cloud.state(name), cloud.checks(name)) == ("pending", ("not-applicable", "not-applicable"))
    cloud.clock.advance(7.9)
    assert cloud.state(name) == "pending"
    cloud.clock.advance(12.2)
    assert (cloud.state(name), cloud.checks(name)) == ("running", ("initializing", "initializing"))
    cloud.clock.advance(600)
    assert cloud.checks(name) == ("ok", "ok")


def test_stopping_takes_time_and_start_boots_anew(cloud: Cloud) -> None:
    name = cloud.stopped()
    first = cloud.instance(name)["LaunchTime"]
    (change,) = cloud.client.start_instances(InstanceIds=[name])["StartingInstances"]
    assert (change["PreviousState"]["Name"], change["CurrentState"]["Name"]) == ("stopped", "pending")
    cloud.clock.advance(21)
    assert cloud.state(name) == "running"
    assert cloud.instance(name)["LaunchTime"] > first
    cloud.client.stop_instances(InstanceIds=[name])
    assert cloud.state(name) == "stopping"
    cloud.clock.advance(46)
    assert cloud.instance(name)["StateReason"]["Code"] == "Client.UserInitiatedShutdown"


def test_durations_depend_on_the_seed_and_not_on_the_order_of_calls() -> None:
    def seconds_until_running(seed: int, before: int) -> float:
        cloud = Cloud(seed)
        names = [cloud.run()[0]["InstanceId"] for _ in range(3)]
        for name in names[:before]:
            cloud.client.describe_instance_status(InstanceIds=[name], IncludeAllInstances=True)
        begin = cloud.clock.now()
        while cloud.state(names[2]) == "pending":
            due = cloud.clock.next_due()
            assert due is not None
            cloud.clock.advance_to(due)
        return (cloud.clock.now() - begin).total_seconds()

    assert seconds_until_running(1, 0) == seconds_until_running(1, 2)
    assert seconds_until_running(1, 0) != seconds_until_running(2, 0)


def test_a_batch_with_one_bad_id_changes_nothing(cloud: Cloud) -> None:
    name = cloud.stopped()
    with pytest.raises(ClientError) as error:
        cloud.client.start_instances(InstanceIds=[name, "i-00000000000000bad"])
    assert code(error) == "InvalidInstanceID.NotFound"
    assert cloud.state(name) == "stopped"
    with pytest.raises(ClientError) as error:
        cloud.client.stop_instances(InstanceIds=["not-an-id"])
    assert code(error) == "InvalidInstanceID.Malformed"


def test_a_terminated_instance_stays_so_and_frees_what_it_had(cloud: Cloud) -> None:
    first = cloud.run(PrivateIpAddress="172.31.0.50")[0]["InstanceId"]
    cloud.client.terminate_instances(InstanceIds=[first])
    assert cloud.state(first) == "shutting-down"
    cloud.clock.advance(60)
    assert cloud.state(first) == "terminated"
    assert cloud.client.describe_volumes()["Volumes"] == []
    with pytest.raises(ClientError) as error:
        cloud.client.start_instances(InstanceIds=[first])
    assert code(error) == "IncorrectInstanceState"
    assert cloud.run(PrivateIpAddress="172.31.0.50")[0]["PrivateIpAddress"] == "172.31.0.50"


def test_protection_from_termination_fails_the_whole_call(cloud: Cloud) -> None:
    protected, other = cloud.run(MinCount=2, MaxCount=2)
    name = protected["InstanceId"]
    cloud.client.modify_instance_attribute(InstanceId=name, DisableApiTermination={"Value": True})
    with pytest.raises(ClientError) as error:
        cloud.client.terminate_instances(InstanceIds=[other["InstanceId"], name])
    assert code(error) == "OperationNotPermitted"
    assert cloud.state(other["InstanceId"]) == "pending"
    shown = cloud.client.describe_instance_attribute(InstanceId=name, Attribute="disableApiTermination")
    assert shown["DisableApiTermination"]["Value"] is True


def test_dry_run_changes_nothing(cloud: Cloud) -> None:
    name = cloud.stopped()
    with pytest.raises(ClientError) as error:
        cloud.client.start_instances(InstanceIds=[name], DryRun=True)
    assert code(error) == "DryRunOperation"
    assert cloud.state(name) == "stopped"


def test_a_swap_of_volumes_is_seen_from_both_sides(cloud: Cloud) -> None:
    name = cloud.stopped()
    before = cloud.instance(name)
    zone, root = before["Placement"]["AvailabilityZone"], before["RootDeviceName"]
    old = before["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    snapshot = cloud.client.create_snapshot(VolumeId=old)["SnapshotId"]
    new = cloud.client.create_volume(
        AvailabilityZone=zone,
        SnapshotId=snapshot,
        TagSpecifications=[{"ResourceType": "volume", "Tags": [{"Key": "Name", "Value": "db01"}]}],
    )["VolumeId"]
    cloud.client.detach_volume(VolumeId=old)
    with pytest.raises(ClientError) as error:
        cloud.client.start_instances(InstanceIds=[name])
    assert code(error) == "InvalidParameterValue"
    cloud.client.attach_volume(VolumeId=new, InstanceId=name, Device=root)
    after = cloud.instance(name)
    assert [mapping["Ebs"]["VolumeId"] for mapping in after["BlockDeviceMappings"]] == [new]
    assert after["PrivateIpAddress"] == before["PrivateIpAddress"]
    volumes = {one["VolumeId"]: one for one in cloud.client.describe_volumes()["Volumes"]}
    assert (volumes[old]["State"], volumes[old]["Attachments"]) == ("available", [])
    assert volumes[new]["Attachments"][0]["InstanceId"] == name
    assert volumes[new]["Tags"] == [{"Key": "Name", "Value": "db01"}]
    cloud.client.start_instances(InstanceIds=[name])


@pytest.mark.parametrize(
    ("attempt", "expected"),
    [
        ("attach twice", "VolumeInUse"),
        ("delete attached", "VolumeInUse"),
        ("detach root of a running instance", "OperationNotPermitted"),
        ("detach detached", "IncorrectState"),
        ("attach to a pending instance", "IncorrectState"),
        ("attach in another zone", "InvalidVolume.ZoneMismatch"),
        ("attach at a device in use", "InvalidParameterValue"),
        ("attach no such volume", "InvalidVolume.NotFound"),
        ("create from no such snapshot", "InvalidSnapshot.NotFound"),
    ],
)
def test_volume_errors(cloud: Cloud, attempt: str, expected: str) -> None:
    client, running = cloud.client, cloud.run()[0]
    cloud.clock.advance(60)
    name, zone = running["InstanceId"], running["Placement"]["AvailabilityZone"]
    root = cloud.instance(name)["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    spare = client.create_volume(AvailabilityZone=zone, Size=8)["VolumeId"]
    far = client.create_volume(AvailabilityZone=f"{REGION}c", Size=8)["VolumeId"]
    pending = cloud.run()[0]["InstanceId"]
    attempts = {
        "attach twice": lambda: client.attach_volume(VolumeId=root, InstanceId=name, Device="/dev/sdf"),
        "delete attached": lambda: client.delete_volume(VolumeId=root),
        "detach root of a running instance": lambda: client.detach_volume(VolumeId=root),
        "detach detached": lambda: client.detach_volume(VolumeId=spare),
        "attach to a pending instance": lambda: client.attach_volume(
            VolumeId=spare, InstanceId=pending, Device="/dev/sdf"
        ),
        "attach in another zone": lambda: client.attach_volume(
            VolumeId=far, InstanceId=name, Device="/dev/sdf"
        ),
        "attach at a device in use": lambda: client.attach_volume(
            VolumeId=spare, InstanceId=name, Device=cloud.instance(name)["RootDeviceName"]
        ),
        "attach no such volume": lambda: client.attach_volume(
            VolumeId="vol-00000000000000bad", InstanceId=name, Device="/dev/sdf"
        ),
        "create from no such snapshot": lambda: client.create_volume(
            AvailabilityZone=zone, SnapshotId="snap-00000000000000bad"
        ),
    }
    with pytest.raises(ClientError) as error:
        attempts[attempt]()
    assert code(error) == expected


def test_what_a_dr_check_compares_is_described(cloud: Cloud) -> None:
    linux, windows = cloud.run()[0], cloud.run(ImageId=WINDOWS)[0]
    assert "Platform" not in linux
    assert (linux["PlatformDetails"], linux["CurrentInstanceBootMode"]) == ("Linux/UNIX", "uefi")
    assert (windows["Platform"], windows["CurrentInstanceBootMode"]) == ("windows", "legacy-bios")
    assert (windows["RootDeviceName"], windows["RootDeviceType"]) == ("/dev/sda1", "ebs")
    assert (linux["Architecture"], linux["VirtualizationType"]) == ("x86_64", "hvm")
    assert linux["Placement"]["Tenancy"] == "default"
    assert linux["NetworkInterfaces"][0]["PrivateIpAddress"] == linux["PrivateIpAddress"]
    (image,) = cloud.client.describe_images(ImageIds=[WINDOWS])["Images"]
    assert (image["BootMode"], image["Platform"]) == ("legacy-bios", "windows")
    (kind,) = cloud.client.describe_instance_types(InstanceTypes=["t4g.large"])["InstanceTypes"]
    assert kind["ProcessorInfo"]["SupportedArchitectures"] == ["arm64"]
    assert kind["SupportedBootModes"] == ["uefi"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"ImageId": "ami-00000000000000bad"}, "InvalidAMIID.NotFound"),
        ({"InstanceType": "t4g.large"}, "InvalidParameterValue"),
        ({"SubnetId": "subnet-00000000000000bad"}, "InvalidSubnetID.NotFound"),
        ({"SecurityGroupIds": ["sg-00000000000000bad"]}, "InvalidGroup.NotFound"),
        ({"PrivateIpAddress": "10.9.9.9"}, "InvalidParameterValue"),
        ({"PrivateIpAddress": "172.31.0.99"}, "InvalidIPAddress.InUse"),
        ({"IamInstanceProfile": {"Name": "unknown"}}, "InvalidParameterValue"),
    ],
)
def test_launches_that_aws_refuses(cloud: Cloud, arguments: dict[str, Any], expected: str) -> None:
    cloud.run(PrivateIpAddress="172.31.0.99")
    with pytest.raises(ClientError) as error:
        cloud.run(**arguments)
    assert code(error) == expected


def test_max_count_are_launched_each_at_an_address_of_the_subnet(cloud: Cloud) -> None:
    addresses = [one["PrivateIpAddress"] for one in cloud.run(MinCount=1, MaxCount=5)]
    assert addresses == [f"172.31.0.{last}" for last in range(4, 9)]


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("private-ip-address", "172.31.0.4", 1),
        ("instance-state-name", "pending", 3),
        ("tag:Name", "db*", 1),
        ("platform", "windows", 1),
        ("vpc-id", "vpc-00000001", 3),
        ("subnet-id", "subnet-00000002", 0),
        ("current-instance-boot-mode", "uefi", 2),
    ],
)
def test_filters_of_instances(cloud: Cloud, name: str, value: str, found: int) -> None:
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "db01"}]}]
    cloud.run(TagSpecifications=tags)
    cloud.run()
    cloud.run(ImageId=WINDOWS)
    answer = cloud.client.describe_instances(Filters=[{"Name": name, "Values": [value]}])
    assert len(answer["Reservations"]) == found


@pytest.mark.parametrize(
    "operation",
    ["instances", "volumes", "snapshots", "subnets", "security_groups", "instance_status", "images"],
)
def test_a_filter_that_is_not_known_is_refused(cloud: Cloud, operation: str) -> None:
    with pytest.raises(ClientError) as error:
        getattr(cloud.client, f"describe_{operation}")(Filters=[{"Name": "no-such", "Values": ["x"]}])
    assert code(error) == "InvalidParameterValue"


def test_pages_of_instances_join_to_the_whole(cloud: Cloud) -> None:
    names = {one["InstanceId"] for one in cloud.run(MinCount=1, MaxCount=12)}
    pages = list(cloud.client.get_paginator("describe_instances").paginate(PaginationConfig={"PageSize": 5}))
    sizes = [len(page["Reservations"]) for page in pages]
    seen = {one["Instances"][0]["InstanceId"] for page in pages for one in page["Reservations"]}
    assert (sizes, seen) == ([5, 5, 2], names)
    with pytest.raises(ClientError) as error:
        cloud.client.describe_instances(InstanceIds=list(names)[:1], MaxResults=5)
    assert code(error) == "InvalidParameterCombination"


def test_a_start_that_fails_ends_stopped_with_the_reason(cloud: Cloud) -> None:
    name = cloud.stopped()
    cloud.extras.add_faults([{"instance": name, "kind": "START_FAILS", "times": 1}])
    cloud.client.start_instances(InstanceIds=[name])
    assert cloud.state(name) == "pending"
    cloud.clock.advance(30)
    assert cloud.instance(name)["StateReason"]["Code"] == "Server.InsufficientInstanceCapacity"
    assert cloud.state(name) == "stopped"
    cloud.client.start_instances(InstanceIds=[name])
    cloud.clock.advance(30)
    assert cloud.state(name) == "running"


def test_status_checks_that_fail(cloud: Cloud) -> None:
    name = cloud.stopped()
    cloud.extras.add_faults([{"instance": name, "kind": "STATUS_CHECK_FAILS"}])
    cloud.client.start_instances(InstanceIds=[name])
    cloud.clock.advance(900)
    assert cloud.checks(name) == ("ok", "impaired")


def test_a_stop_that_hangs_ends_by_force(cloud: Cloud) -> None:
    name = cloud.run()[0]["InstanceId"]
    cloud.clock.advance(60)
    cloud.extras.add_faults([{"instance": name, "kind": "STOP_HANGS"}])
    cloud.client.stop_instances(InstanceIds=[name])
    cloud.clock.advance(3600)
    assert cloud.state(name) == "stopping"
    cloud.client.stop_instances(InstanceIds=[name], Force=True)
    cloud.clock.advance(60)
    assert cloud.state(name) == "stopped"


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ({"instance": "i-1", "kind": "EXPLODES"}, "EXPLODES"),
        ({"instance": "i-1", "kind": "START_FAILS", "after": 5}, "after"),
        ({"kind": "START_FAILS"}, "names no instance"),
    ],
)
def test_a_fault_that_there_is_not_is_refused_by_name(
    cloud: Cloud, fault: dict[str, Any], named: str
) -> None:
    status, answer = cloud.extras.admin("POST", "/faults", {"faults": [fault]})
    assert status == 400
    assert named in answer["message"]
    assert cloud.extras.faults() == []


def test_every_change_of_state_is_an_event(cloud: Cloud) -> None:
    name = cloud.stopped()
    assert [event["detail"]["state"] for event in cloud.events] == [
        "pending",
        "running",
        "stopping",
        "stopped",
    ]
    assert {event["detail"]["instance-id"] for event in cloud.events} == {name}
    assert cloud.events[0]["detail-type"] == "EC2 Instance State-change Notification"


def test_images_that_there_are_not_are_named_with_those_that_there_are() -> None:
    assert image_for("linux", "arm64", "uefi") == IMAGES["linux", "arm64", "uefi"]
    with pytest.raises(NoSuchImageError, match=r"windows/arm64/uefi; there are linux/x86_64/legacy-bios"):
        image_for("windows", "arm64", "uefi")


def test_imds_options_are_those_of_the_launch_until_they_are_changed(cloud: Cloud) -> None:
    (plain,) = cloud.run()
    (strict,) = cloud.run(MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 2})

    assert plain["MetadataOptions"] == {
        "State": "applied",
        "HttpTokens": "optional",
        "HttpPutResponseHopLimit": 1,
        "HttpEndpoint": "enabled",
        "HttpProtocolIpv6": "disabled",
        "InstanceMetadataTags": "disabled",
    }
    assert strict["MetadataOptions"]["HttpTokens"] == "required"
    name = strict["InstanceId"]
    cloud.client.modify_instance_metadata_options(InstanceId=name, HttpEndpoint="disabled")
    changed = cloud.instance(name)["MetadataOptions"]
    assert (changed["HttpEndpoint"], changed["HttpTokens"], changed["HttpPutResponseHopLimit"]) == (
        "disabled",
        "required",
        2,
    )
    with pytest.raises(ClientError) as refused:
        cloud.client.modify_instance_metadata_options(InstanceId=name, HttpTokens="never")
    assert code(refused) == "InvalidParameterValue"
