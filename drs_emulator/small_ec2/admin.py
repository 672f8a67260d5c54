"""Admin routes of the small EC2 stand-in: add, list, start and stop instances."""

from __future__ import annotations

import re
from typing import Any

from botocore.exceptions import ClientError

from drs_emulator.errors import AdminError
from drs_emulator.small_ec2.access import SmallEc2
from drs_emulator.small_ec2.state import InstanceSpec

_FIELDS = {
    "name": "name",
    "state": "state",
    "platform": "platform",
    "architecture": "architecture",
    "bootMode": "boot_mode",
    "availabilityZone": "zone",
    "tags": "tags",
    "disksGib": "disks",
    "terminationProtection": "protected",
}


def handle(ec2: SmallEc2, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Answer one request: HTTP status and JSON."""
    try:
        return 200, _route(ec2, method, path, body)
    except AdminError as error:
        return error.status, {"message": str(error)}
    except ClientError as error:
        return 400, {"message": str(error)}


def _route(ec2: SmallEc2, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    if (method, path) == ("GET", "/instances"):
        return {"instances": ec2.everything()}
    account, region = body.get("account"), body.get("region")
    if not isinstance(account, str) or not isinstance(region, str):
        raise AdminError('expected "account" and "region" in the body')
    if (method, path) == ("POST", "/instances"):
        return {"instanceIDs": [_add(ec2, account, region, item) for item in body.get("instances", [])]}
    found = re.fullmatch(r"/instances/(i-\w+)/(start|stop)", path)
    if method == "POST" and found:
        client = ec2.client(account, region, None)
        act = client.start_instances if found.group(2) == "start" else client.stop_instances
        act(InstanceIds=[found.group(1)])
        return {}
    raise AdminError(
        f"no route {method} {path}; known are GET /instances, POST /instances, "
        "POST /instances/<id>/start, POST /instances/<id>/stop",
        status=404,
    )


def _add(ec2: SmallEc2, account: str, region: str, item: dict[str, Any]) -> str:
    unknown = sorted(set(item) - set(_FIELDS))
    if unknown:
        raise AdminError(f"an instance has no field {unknown[0]!r}; known are {', '.join(_FIELDS)}")
    values = {_FIELDS[name]: value for name, value in item.items()}
    if "disks" in values:
        values["disks"] = tuple(values["disks"])
    return ec2.add_instance(account, region, InstanceSpec(**values))
