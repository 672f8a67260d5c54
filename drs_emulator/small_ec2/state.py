"""The records of the small EC2 stand-in, and its errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from botocore.exceptions import ClientError


def client_error(code: str, message: str, operation: str, status: int = 400) -> ClientError:
    """The exception boto3 would raise."""
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        operation,
    )


def platform_of(image_id: str) -> str:
    """The platform that ``contract.default_image`` encodes in an image id."""
    return "windows" if image_id[4:].startswith(b"windows".hex()) else "linux"


def root_device(platform: str) -> str:
    """The usual name of the root device."""
    return "/dev/sda1" if platform == "windows" else "/dev/xvda"


@dataclass(frozen=True, slots=True)
class InstanceSpec:
    """An instance to add. ``disks`` are sizes in GiB, the root first; ``zone`` None is the Region's first."""

    name: str | None = None
    state: str = "stopped"
    platform: str = "linux"
    architecture: str = "x86_64"
    boot_mode: str = "legacy-bios"
    zone: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    disks: tuple[int, ...] = (8,)
    protected: bool = False


@dataclass(slots=True)
class Instance:
    instance_id: str
    zone: str
    state: str
    platform: str
    architecture: str
    boot_mode: str
    private_ip: str
    tags: dict[str, str]
    root_device: str
    protected: bool = False
    launch_time: datetime | None = None

    @property
    def mac_address(self) -> str:
        """A locally administered address that follows from the id."""
        return ":".join(["02", *(self.instance_id[at : at + 2] for at in range(-11, -1, 2))])


@dataclass(slots=True)
class Volume:
    volume_id: str
    zone: str
    gib: int
    tags: dict[str, str]
    attached_to: str | None = None
    device: str | None = None
    snapshot_id: str | None = None
    delete_on_termination: bool = False


@dataclass(slots=True)
class Ec2Scope:
    """One account in one Region."""

    account: str
    region: str
    instances: dict[str, Instance] = field(default_factory=dict)
    volumes: dict[str, Volume] = field(default_factory=dict)
    snapshots: dict[str, int] = field(default_factory=dict)
    made: int = 0
