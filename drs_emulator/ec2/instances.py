"""EC2 instances as DRS reads them: state, and fitness as a launch target."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from drs_emulator.settings import Settings
from drs_emulator.state import SourceServer

TARGET_TAG = ("AWSDRS", "AllowLaunchingIntoThisInstance")
"""Tag an instance must carry to be launched into (DRS user guide, launch-general-settings)."""
MANAGED_TAG = {"Key": "AWSElasticDisasterRecoveryManaged", "Value": "drs.amazonaws.com"}
"""Tag of everything DRS creates in EC2; its managed policies go by the key."""

_STATES = {"shutting-down": "SHUTTING-DOWN"}
_CHUNK = 200


def describe(client: Any, instance_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """DescribeInstances by filter, all pages, by id; instances that do not exist are left out."""
    wanted = sorted(set(instance_ids))
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        arguments: dict[str, Any] = {"Filters": [{"Name": "instance-id", "Values": chunk}]}
        while True:
            answer = client.describe_instances(**arguments)
            for reservation in answer["Reservations"]:
                for instance in reservation["Instances"]:
                    found[instance["InstanceId"]] = instance
            if not answer.get("NextToken"):
                break
            arguments["NextToken"] = answer["NextToken"]
    return {instance_id: found[instance_id] for instance_id in wanted if instance_id in found}


def state_of(instance: dict[str, Any] | None) -> str:
    """The EC2 state as DRS spells it: RUNNING, SHUTTING-DOWN with a hyphen, NOT_FOUND."""
    if instance is None:
        return "NOT_FOUND"
    name = str(instance["State"]["Name"])
    return _STATES.get(name, name.upper())


def mac_address(instance: dict[str, Any]) -> str | None:
    """The MAC address of its primary network interface; None where EC2 names none."""
    found = [interface.get("MacAddress") for interface in instance.get("NetworkInterfaces", [])]
    return found[0] if found else None


def is_tagged(instance: dict[str, Any]) -> bool:
    """Whether it carries the tag that allows launching into it; key and value are case-sensitive."""
    return any((tag["Key"], tag["Value"]) == TARGET_TAG for tag in instance.get("Tags", []))


def mismatches(settings: Settings, server: SourceServer, instance: dict[str, Any]) -> list[str]:
    """The settings in which target and source differ, named as in the error text.

    A setting that EC2 does not report counts as equal.
    """
    found = []
    if instance.get("Architecture", server.architecture) != server.architecture:
        found.append("Architecture")
    platform = "windows" if str(instance.get("Platform", "")).lower() == "windows" else "linux"
    if platform != server.platform:
        found.append("Platform")
    boot_mode = instance.get("CurrentInstanceBootMode") or instance.get("BootMode") or server.boot_mode
    refused_uefi = (
        settings.uefi_linux_target == "REFUSE" and server.platform == "linux" and boot_mode == "uefi"
    )
    if boot_mode != server.boot_mode or refused_uefi:
        found.append("BootMode")
    if instance.get("VirtualizationType", "hvm") != "hvm":
        found.append("VirtualizationType")
    if instance.get("RootDeviceType", "ebs") != "ebs":
        found.append("RootDeviceType")
    return found


def mismatch_text(instance_id: str, server_id: str, fields: list[str]) -> str:
    """The documented text, with its typing error (DRS user guide, launch-configuration-errors)."""
    return (
        f"You cannot define the EC2 instance {instance_id} as a launch into instance ID as is has "
        f"conflicting instance settings to those of the source server ({server_id}). The following fields "
        f"have a configuration mismatch: {', '.join(fields)}."
    )
