"""EC2 instances and volumes as the rules see them."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.model.scope import Scope

TARGET_TAG_KEY = "AWSDRS"


TARGET_TAG_VALUE = "AllowLaunchingIntoThisInstance"
"""The tag that lets DRS launch into an instance (DRS user guide, launch-general-settings)."""


@dataclass(frozen=True, slots=True)
class Volume:
    """A disk of a source server or an EBS volume of an instance. ``size`` in bytes."""

    device: str
    size: int
    volume_id: str | None = None


@dataclass(frozen=True, slots=True)
class Instance:
    """An EC2 instance as DescribeInstances lists it: a target, or an original.

    ``state`` as in EC2 ("stopped"); ``boot_mode`` "legacy-bios" or "uefi" as currentInstanceBootMode;
    ``platform`` "linux" or "windows". ``metadata_endpoint`` ("enabled") and ``metadata_tokens`` ("required")
    as MetadataOptions words them.
    """

    instance_id: str
    name: str
    scope: Scope
    state: str
    private_ip: str | None
    instance_type: str
    platform: str
    architecture: str
    boot_mode: str | None
    root_device_type: str
    virtualization: str
    availability_zone: str
    subnet_id: str | None
    vpc_id: str | None
    security_group_ids: tuple[str, ...]
    instance_profile_arn: str | None
    tenancy: str = "default"
    lifecycle: str | None = None  # "spot" or None
    volumes: tuple[Volume, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    public_ip: str | None = None
    metadata_endpoint: str | None = None
    metadata_tokens: str | None = None
    mac_addresses: tuple[str, ...] = ()
    launched_at: str | None = None
    """LaunchTime, ISO 8601: when it was last started."""

    @property
    def allows_launching_into(self) -> bool:
        return self.tags.get(TARGET_TAG_KEY) == TARGET_TAG_VALUE


@dataclass(frozen=True, slots=True)
class InstanceHealth:
    """DescribeInstances and DescribeInstanceStatus of one instance, boiled down."""

    instance_id: str
    state: str
    private_ip: str | None
    status_ok: bool
    status: str
    state_reason: str | None
