"""An instance as DescribeInstances and RunInstances show it."""

from __future__ import annotations

from ministack.core.responses import get_account_id
from ministack.services import ec2

from local.ministack.ec2_wire import Record, element, items, tag_set


def reservation_xml(instance: Record) -> str:
    """A reservation with one instance."""
    return (
        element("reservationId", f"r-{instance['InstanceId'][2:]}")
        + element("ownerId", get_account_id())
        + "<groupSet/>"
        + f"<instancesSet>{instance_xml(instance)}</instancesSet>"
    )


def instance_xml(instance: Record) -> str:
    """One ``<item>``. Fields that AWS leaves out for an instance (platform of Linux, say) are left out."""
    state = instance["State"]
    reason = instance.get("StateReason")
    placement = instance["Placement"]
    ended = state["Name"] == "terminated"
    address = None if ended else instance["PrivateIpAddress"]
    public = instance.get("PublicIpAddress") if state["Name"] == "running" else None
    groups = items(
        "groupSet",
        (
            element("groupId", group["GroupId"]) + element("groupName", group["GroupName"])
            for group in instance["SecurityGroups"]
        ),
    )
    xml: str = (
        "<item>"
        + element("instanceId", instance["InstanceId"])
        + element("imageId", instance["ImageId"])
        + f"<instanceState>{element('code', state['Code'])}{element('name', state['Name'])}</instanceState>"
        + element("privateDnsName", None if ended else instance["PrivateDnsName"])
        + element("dnsName", instance["PublicDnsName"] if public else "")
        + element("reason", instance.get("StateTransitionReason", ""))
        + element("keyName", instance.get("KeyName") or None)
        + element("amiLaunchIndex", instance["AmiLaunchIndex"])
        + element("instanceType", instance["InstanceType"])
        + element("launchTime", instance["LaunchTime"])
        + "<placement>"
        + element("availabilityZone", placement["AvailabilityZone"])
        + "<groupName/>"
        + element("tenancy", placement["Tenancy"])
        + "</placement>"
        + element("platform", instance.get("Platform"))
        + element("platformDetails", instance.get("PlatformDetails", "Linux/UNIX"))
        + f"<monitoring>{element('state', instance['Monitoring']['State'])}</monitoring>"
        + element("subnetId", None if ended else instance["SubnetId"])
        + element("vpcId", None if ended else instance["VpcId"])
        + element("privateIpAddress", address)
        + element("ipAddress", public)
        + element("sourceDestCheck", bool(instance.get("SourceDestCheck", True)))
        + groups
        + (_reason_xml(reason) if reason else "")
        + element("architecture", instance["Architecture"])
        + element("rootDeviceType", instance["RootDeviceType"])
        + element("rootDeviceName", instance["RootDeviceName"])
        + f"<blockDeviceMapping>{ec2._inst_bdm_xml(instance)}</blockDeviceMapping>"
        + element("virtualizationType", instance["Virtualization"])
        + element("bootMode", instance.get("BootMode"))
        + element("currentInstanceBootMode", instance.get("CurrentInstanceBootMode"))
        + tag_set(instance["InstanceId"])
        + element("hypervisor", instance["Hypervisor"])
        + _interfaces_xml(instance, address)
        + ec2._inst_iam_xml(instance)
        + element("ebsOptimized", bool(instance.get("EbsOptimized")))
        + element("enaSupport", True)
        + _metadata_xml(instance)
        + "</item>"
    )
    return xml


def mac_address(instance_id: str) -> str:
    """The address of its interface: it stays that of the instance, and follows from the id."""
    return ":".join(["02", *(instance_id[at : at + 2] for at in range(-11, -1, 2))])


def metadata_options_xml(instance: Record) -> str:
    """The IMDS options, without an element around them."""
    options = instance.get("MetadataOptions") or {}
    return element("state", "applied") + "".join(
        element(name[0].lower() + name[1:], value) for name, value in options.items()
    )


def _metadata_xml(instance: Record) -> str:
    return f"<metadataOptions>{metadata_options_xml(instance)}</metadataOptions>"


def _reason_xml(reason: Record) -> str:
    return (
        f"<stateReason>{element('code', reason['Code'])}{element('message', reason['Message'])}</stateReason>"
    )


def _interfaces_xml(instance: Record, address: str | None) -> str:
    if address is None:
        return "<networkInterfaceSet/>"
    groups = items(
        "groupSet",
        (
            element("groupId", group["GroupId"]) + element("groupName", group["GroupName"])
            for group in instance["SecurityGroups"]
        ),
    )
    name = instance["InstanceId"][2:]
    attachment = (
        element("attachmentId", f"eni-attach-{name}")
        + element("deviceIndex", 0)
        + element("status", "attached")
        + element("attachTime", instance["LaunchTime"])
        + element("deleteOnTermination", True)
    )
    addresses = items(
        "privateIpAddressesSet", [element("privateIpAddress", address) + element("primary", True)]
    )
    interface = (
        element("networkInterfaceId", f"eni-{name}")
        + element("subnetId", instance["SubnetId"])
        + element("vpcId", instance["VpcId"])
        + element("ownerId", get_account_id())
        + element("status", "in-use")
        + element("macAddress", mac_address(instance["InstanceId"]))
        + element("privateIpAddress", address)
        + groups
        + f"<attachment>{attachment}</attachment>"
        + addresses
    )
    return items("networkInterfaceSet", [interface])
