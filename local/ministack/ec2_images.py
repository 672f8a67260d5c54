"""The images that an instance can be launched from, and which instance types they fit."""

from __future__ import annotations

import re

from ministack.services import ec2

from local.ministack.ec2_wire import Ec2Error
from local.ministack.images import BY_ID, Image

_ARM = re.compile(r"^(a1|[a-z]+\d+g[a-z]*)\.")


def find_image(image_id: str) -> Image:
    """The image, built in, shipped by MiniStack or registered. Raises InvalidAMIID.NotFound."""
    if image_id in BY_ID:
        return BY_ID[image_id]
    for known, name, _, platform, root_device, *_ in ec2._STUB_AMIS:
        if known == image_id:
            return Image(known, name, platform or "linux", "x86_64", "legacy-bios", root_device, 8)
    registered = ec2._registered_image(image_id)
    if registered is not None:
        return Image(
            image_id,
            registered["Name"],
            "linux",
            registered["Architecture"],
            registered.get("BootMode") or "legacy-bios",
            registered["RootDeviceName"],
            8,
        )
    if not re.fullmatch(r"ami-[0-9a-f]{8}(?:[0-9a-f]{9})?", image_id):
        raise Ec2Error("InvalidAMIID.Malformed", f'Invalid id: "{image_id}"')
    raise Ec2Error("InvalidAMIID.NotFound", f"The image id '[{image_id}]' does not exist")


def is_arm(instance_type: str) -> bool:
    """Whether an instance type is Graviton: the family's number is followed by a g (t4g, c7gn), or a1."""
    return _ARM.match(instance_type) is not None


def check_architecture(instance_type: str, image: Image) -> None:
    """Raises InvalidParameterValue when the type cannot run the image."""
    architecture = "arm64" if is_arm(instance_type) else "x86_64"
    if architecture != image.architecture:
        raise Ec2Error(
            "InvalidParameterValue",
            f"The architecture '{architecture}' of the specified instance type does not match the "
            f"architecture '{image.architecture}' of the specified AMI.",
        )
