"""The EC2 gateway: chunks, and one bad instance among many."""

from __future__ import annotations

from dataclasses import replace

import pytest
from botocore.awsrequest import AWSResponse

from shared.aws import instance_starter
from shared.aws.cross_account import MemberAccounts
from shared.aws.ec2_client import Ec2Client
from shared.aws.errors import AwsUnavailableError
from tests.handlers.estate import RECOVERY, Estate
from tests.handlers.wire import Call, Wire, no_answer, refused
from tests.makers import instance

MISSING = "i-00000000000000bad"


@pytest.fixture
def ec2(estate: Estate) -> Ec2Client:
    return Ec2Client(MemberAccounts("drs-orchestrator-execution-stop", "an-external-id"), RECOVERY)


def ids_of(call: Call) -> list[str]:
    return [value[0] for key, value in call.form.items() if key.startswith("InstanceId.")]


def test_targets_are_the_standing_instances_with_the_tag(estate: Estate, ec2: Ec2Client) -> None:
    tagged, running = estate.add_target("web-1"), estate.add_target("web-2", state="running")
    estate.add_target("web-3", tags={})
    estate.add_target("web-4", tags={"AWSDRS": "no"})
    missing = estate.add_target("web-5")
    estate.ec2().terminate_instances(InstanceIds=[missing])
    assert {i.instance_id: i.state for i in ec2.targets()} == {tagged: "stopped", running: "running"}
    assert {i.name for i in ec2.standing()} == {"web-1", "web-2", "web-3", "web-4"}


def test_an_instance_is_what_ec2_says_of_it(estate: Estate, ec2: Ec2Client) -> None:
    target = estate.add_target("web-1")
    said = estate.instance(target)
    [found] = ec2.instances([target, MISSING])
    assert (found.instance_id, found.name, found.state) == (target, "web-1", "stopped")
    assert (found.private_ip, found.subnet_id) == (said["PrivateIpAddress"], said["SubnetId"])
    assert (found.platform, found.virtualization, found.root_device_type) == ("linux", "hvm", "ebs")
    assert [volume.device for volume in found.volumes] == ["/dev/sda1"]
    assert found.allows_launching_into


def test_filters_take_two_hundred_values(ec2: Ec2Client, wire: Wire) -> None:
    ids = [f"i-{number:017x}" for number in range(401)]
    assert (ec2.instances(ids), ec2.health(ids)) == ([], {})
    assert len(wire.of("DescribeInstances")) == 6


def test_health_is_state_address_and_both_status_checks(estate: Estate, ec2: Ec2Client) -> None:
    stopped, running = estate.add_target("web-1"), estate.add_target("web-2", state="running")
    health = ec2.health([stopped, running, MISSING])
    assert set(health) == {stopped, running}
    assert (health[running].state, health[running].status_ok) == ("running", True)
    assert (health[stopped].state, health[stopped].status_ok) == ("stopped", False)
    assert health[stopped].status == "not reported"
    assert health[running].private_ip == estate.instance(running)["PrivateIpAddress"]


def test_one_failing_status_check_is_named(estate: Estate, ec2: Ec2Client, wire: Wire) -> None:
    running = estate.add_target("web-2", state="running")

    def impaired(call: Call) -> AWSResponse:
        body = (
            '<DescribeInstanceStatusResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">'
            f"<instanceStatusSet><item><instanceId>{running}</instanceId>"
            "<systemStatus><status>ok</status></systemStatus>"
            "<instanceStatus><status>impaired</status></instanceStatus></item></instanceStatusSet>"
            "</DescribeInstanceStatusResponse>"
        )
        return call.answer(200, body.encode())

    wire.on("ec2", "DescribeInstanceStatus", impaired)
    health = ec2.health([running])[running]
    assert (health.status_ok, health.status) == (False, "ok/impaired")


def test_one_that_still_boots_is_not_described(estate: Estate, ec2: Ec2Client, wire: Wire) -> None:
    booting, done = (estate.add_target(name, state="running") for name in ("web-1", "web-2"))

    def statuses(call: Call) -> AWSResponse:
        items = "".join(
            f"<item><instanceId>{instance}</instanceId><systemStatus><status>ok</status></systemStatus>"
            f"<instanceStatus><status>{status}</status></instanceStatus></item>"
            for instance, status in ((booting, "initializing"), (done, "ok"))
        )
        body = f"<R><instanceStatusSet>{items}</instanceStatusSet></R>"
        return call.answer(200, body.encode())

    wire.on("ec2", "DescribeInstanceStatus", statuses)
    health = ec2.health([booting, done])
    assert (health[booting].state, health[booting].status) == ("running", "ok/initializing")
    assert (health[booting].status_ok, health[booting].private_ip) == (False, None)
    assert health[done].private_ip == estate.instance(done)["PrivateIpAddress"]
    [described] = wire.of("DescribeInstances")[:1]
    assert booting not in str(described.form)


def test_what_the_network_lacks_is_found(estate: Estate, ec2: Ec2Client) -> None:
    subnet = estate.ec2().describe_subnets()["Subnets"][0]["SubnetId"]
    group = estate.ec2().describe_security_groups()["SecurityGroups"][0]["GroupId"]
    assert ec2.missing_subnets([subnet, "subnet-00000000"]) == {"subnet-00000000"}
    assert ec2.missing_security_groups([group, "sg-00000000"]) == {"sg-00000000"}


def test_one_bad_instance_does_not_keep_its_neighbours_from_starting(
    estate: Estate, ec2: Ec2Client, wire: Wire
) -> None:
    targets = [estate.add_target(f"web-{number}") for number in range(5)]
    found = ec2.instances(targets)
    missing = replace(found[0], instance_id=MISSING)
    refused = ec2.start([*found[:2], missing, *found[2:]])
    assert list(refused) == [MISSING]
    assert refused[MISSING].code == "InvalidInstanceID.NotFound"
    assert {estate.instance(target)["State"]["Name"] for target in targets} == {"running"}
    assert ec2.start(found) == {}, "what runs already stays so"
    assert ec2.stop([MISSING, *targets]).keys() == {MISSING}
    assert {estate.instance(target)["State"]["Name"] for target in targets} == {"stopped"}


def test_instances_are_started_by_the_hundred_and_by_type_and_zone(ec2: Ec2Client, wire: Wire) -> None:
    sizes: list[int] = []

    def started(call: Call) -> AWSResponse:
        sizes.append(len(ids_of(call)))
        return call.answer(200, b"<StartInstancesResponse/>")

    wire.on("ec2", "StartInstances", started)
    some = [instance(number) for number in range(201)]
    other = [instance(number, instance_type="m5.large") for number in range(201, 204)]
    assert ec2.start([*other, *some]) == {}
    assert sizes == [100, 100, 1, 3], "the larger group first"


def test_a_throttled_start_is_repeated_as_a_whole(
    ec2: Ec2Client, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says nothing about any instance: none of them has failed, and none is asked for alone."""
    pauses: list[float] = []
    monkeypatch.setattr(instance_starter, "pause", pauses.append)
    sizes: list[int] = []

    def throttled_twice(call: Call) -> AWSResponse | None:
        sizes.append(len(ids_of(call)))
        if len(sizes) < 3:
            return refused("RequestLimitExceeded", status=503)(call)
        return call.answer(200, b"<StartInstancesResponse/>")

    wire.on("ec2", "StartInstances", throttled_twice)
    assert ec2.start([instance(number) for number in range(8)]) == {}
    assert (sizes, pauses) == ([8, 8, 8], [1.0, 2.0])


def test_what_is_throttled_until_the_time_is_over_is_asked_for_later(
    ec2: Ec2Client, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instance_starter, "ASKING_SECONDS", 0.0)
    monkeypatch.setattr(instance_starter, "SECONDS", 0.0)
    wire.on("ec2", "StartInstances", refused("RequestLimitExceeded", status=503))
    found = ec2.start([instance(number) for number in range(8)])
    assert {error.code for error in found.values()} == {"NotAsked"}
    assert len(found) == 8


def test_an_ec2_that_does_not_answer_has_refused_no_instance(
    estate: Estate, ec2: Ec2Client, wire: Wire
) -> None:
    targets = [estate.add_target("web-1"), estate.add_target("web-2")]
    wire.on("ec2", "StopInstances", no_answer)
    wire.clear()
    with pytest.raises(AwsUnavailableError):
        ec2.stop(targets)
    assert len(wire.of("StopInstances")) == 6, "not once more for every half"


def test_every_group_is_asked_for_before_a_rejected_one_is_halved(
    ec2: Ec2Client, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    paces: list[object] = []
    monkeypatch.setattr(instance_starter, "pace", lambda *asked: paces.append(asked))
    asked: list[int] = []

    def without_capacity(call: Call) -> AWSResponse:
        asked.append(len(ids_of(call)))
        if len(ids_of(call)) in (3, 5):
            return call.answer(200, b"<StartInstancesResponse/>")
        answer = refused("InsufficientInstanceCapacity", status=500)(call)
        assert answer is not None
        return answer

    wire.on("ec2", "StartInstances", without_capacity)
    lacking = [instance(number) for number in range(64)]
    some = [instance(number, instance_type="m5.large") for number in range(100, 103)]
    others = [instance(number, availability_zone="us-east-2b") for number in range(200, 205)]
    assert ec2.start([*lacking, *others, *some]).keys() == {one.instance_id for one in lacking}
    assert asked[:3] == [64, 5, 3]
    assert len(asked) < 30, "the rest of the group is taken for refused"
    assert len(paces) == len(asked), "each call waits for its turn"


def test_what_there_was_no_time_to_ask_for_is_asked_later(
    ec2: Ec2Client, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instance_starter, "SECONDS", 0.0)
    wire.on("ec2", "StartInstances", refused("IncorrectInstanceState"))
    found = ec2.start([instance(number) for number in range(8)])
    assert {error.code for error in found.values()} == {"NotAsked"}
    assert (len(found), len(wire.of("StartInstances"))) == (8, 1)
