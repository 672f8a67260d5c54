"""The machine images that every account and Region of the local cloud knows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Image:
    """An AMI. ``platform`` "linux" or "windows"; ``boot_mode`` "legacy-bios" or "uefi"; size in GiB."""

    image_id: str
    name: str
    platform: str
    architecture: str
    boot_mode: str
    root_device: str
    root_size: int

    @property
    def platform_details(self) -> str:
        return "Windows" if self.platform == "windows" else "Linux/UNIX"


_ALL = (
    Image(
        "ami-0d5000000000a0001", "local-linux-x86_64-bios", "linux", "x86_64", "legacy-bios", "/dev/xvda", 8
    ),
    Image("ami-0d5000000000a0002", "local-linux-x86_64-uefi", "linux", "x86_64", "uefi", "/dev/xvda", 8),
    Image("ami-0d5000000000a0003", "local-linux-arm64-uefi", "linux", "arm64", "uefi", "/dev/xvda", 8),
    Image(
        "ami-0d5000000000a0004",
        "local-windows-x86_64-bios",
        "windows",
        "x86_64",
        "legacy-bios",
        "/dev/sda1",
        30,
    ),
    Image("ami-0d5000000000a0005", "local-windows-x86_64-uefi", "windows", "x86_64", "uefi", "/dev/sda1", 30),
)

IMAGES: dict[tuple[str, str, str], str] = {
    (image.platform, image.architecture, image.boot_mode): image.image_id for image in _ALL
}
"""AMI id by platform, architecture and boot mode."""

BY_ID: dict[str, Image] = {image.image_id: image for image in _ALL}


class NoSuchImageError(LookupError):
    """No built-in image has this platform, architecture and boot mode."""


def image_for(platform: str, architecture: str, boot_mode: str) -> str:
    """The AMI id for the three. Raises NoSuchImageError naming those that exist."""
    try:
        return IMAGES[platform, architecture, boot_mode]
    except KeyError:
        known = ", ".join("/".join(key) for key in IMAGES)
        wanted = f"{platform}/{architecture}/{boot_mode}"
        raise NoSuchImageError(f"no built-in image is {wanted}; there are {known}") from None
