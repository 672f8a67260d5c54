"""Makes EC2 instances by the hundred: one RunInstances for many that are alike, then a name for each."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from local.fleet.network import Network
from local.ministack.images import IMAGES

_PER_CALL = 200

Tags = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """What instances have in common that one RunInstances makes. ``subnet`` is a CIDR.

    ``egress``: whether the security group lets anything out; ``profile``: whether there is one.
    """

    platform: str
    architecture: str
    boot_mode: str
    instance_type: str
    disks_gib: tuple[int, ...]
    subnet: str
    tags: Tags = ()
    egress: bool = True
    profile: bool = True


@dataclass(frozen=True, slots=True)
class Made:
    """An instance that was made, with the addresses of its network interface."""

    instance_id: str
    private_ip: str
    mac_address: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """An instance to make, under a key by which the caller knows it."""

    key: tuple[str, int]
    name: str
    kind: Kind


def run(ec2: Any, network: Network, wanted: Sequence[Wanted], workers: int) -> dict[tuple[str, int], Made]:
    """Run the instances and name them; gives what was made for each key. They end up starting.

    ``workers``: how many threads set Name tags, each with a call of its own per instance.
    """
    alike: dict[Kind, list[Wanted]] = defaultdict(list)
    for one in wanted:
        alike[one.kind].append(one)
    made: list[tuple[Wanted, Made]] = []
    for kind, members in alike.items():
        for batch in _batches(members, _PER_CALL):
            answer = ec2.run_instances(**_parameters(network, kind), MinCount=len(batch), MaxCount=len(batch))
            made += zip(batch, map(_made, answer["Instances"]), strict=True)

    def name(pair: tuple[Wanted, Made]) -> None:
        ec2.create_tags(Resources=[pair[1].instance_id], Tags=[{"Key": "Name", "Value": pair[0].name}])

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(name, made))
    return {one.key: instance for one, instance in made}


def _made(instance: dict[str, Any]) -> Made:
    (interface,) = instance["NetworkInterfaces"]
    return Made(instance["InstanceId"], interface["PrivateIpAddress"], interface["MacAddress"])


def await_state(ec2: Any, instance_ids: Sequence[str], state: str, pause: Callable[[], None]) -> None:
    """Return once all are in ``state``. ``pause`` lets time pass between polls."""
    waiting = set(instance_ids)
    while waiting:
        # A status is a tenth of a description.
        pages = ec2.get_paginator("describe_instance_status").paginate(
            IncludeAllInstances=True,
            Filters=[{"Name": "instance-state-name", "Values": [state]}],
            PaginationConfig={"PageSize": 1000},
        )
        for page in pages:
            waiting.difference_update(status["InstanceId"] for status in page["InstanceStatuses"])
        if waiting:
            pause()


def stop(ec2: Any, instance_ids: Sequence[str]) -> None:
    """Ask EC2 to stop them."""
    for batch in _batches(instance_ids, _PER_CALL):
        ec2.stop_instances(InstanceIds=list(batch))


def _parameters(network: Network, kind: Kind) -> dict[str, Any]:
    image = IMAGES[kind.platform, kind.architecture, kind.boot_mode]
    parameters: dict[str, Any] = {
        "ImageId": image,
        "InstanceType": kind.instance_type,
        "SubnetId": network.subnets[kind.subnet],
        "SecurityGroupIds": [network.security_group if kind.egress else network.closed_group],
        "MetadataOptions": {"HttpEndpoint": "enabled", "HttpTokens": "required"},
        "BlockDeviceMappings": [
            {"DeviceName": device, "Ebs": {"VolumeSize": size, "VolumeType": "gp3"}}
            for device, size in zip(device_names(kind.platform), kind.disks_gib, strict=False)
        ],
    }
    if kind.profile:
        parameters["IamInstanceProfile"] = {"Arn": network.profile_arn}
    if kind.tags:
        tags = [{"Key": key, "Value": value} for key, value in kind.tags]
        parameters["TagSpecifications"] = [{"ResourceType": "instance", "Tags": tags}]
    return parameters


def device_names(platform: str) -> Iterator[str]:
    """Names that EC2 knows disks by, the root disk first (EC2 user guide, device names on instances)."""
    return itertools.chain(
        ["/dev/sda1" if platform == "windows" else "/dev/xvda"],
        (f"/dev/sd{letter}" for letter in "fghijklmnopqrstuvwxyz"),
    )


def _batches(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
