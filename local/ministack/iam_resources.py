"""Which resources an EC2, DRS or Run Command request is authorized on, and with what.

The source is the service authorization reference.
A request is allowed when every check of it is. The first check's ARN is the one AWS names in a denial.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote


@dataclass(frozen=True, slots=True)
class Check:
    """One resource of a request. ``action`` when it is not the request's own; ``context`` in lower case."""

    arn: str
    action: str | None = None
    context: dict[str, Any] = field(default_factory=dict)


_ID_TYPES = {
    "i": "instance",
    "vol": "volume",
    "snap": "snapshot",
    "sg": "security-group",
    "subnet": "subnet",
    "vpc": "vpc",
    "ami": "image",
    "eni": "network-interface",
    "lt": "launch-template",
    "rtb": "route-table",
    "igw": "internet-gateway",
}
_RESOURCE_FIELD = re.compile(
    r"^(?:InstanceId|VolumeId|SnapshotId|ResourceId|SecurityGroupId|GroupId|SubnetId|VpcId|ImageId"
    r"|NetworkInterfaceId|RouteTableId|InternetGatewayId|LaunchTemplateId)(?:\.\d+)?$"
)
_CREATES = {
    "RunInstances": ("instance", "volume", "network-interface"),
    "CreateVolume": ("volume",),
    "CreateSnapshot": ("snapshot",),
    "CreateSnapshots": ("snapshot",),
    "CopySnapshot": ("snapshot",),
    "CreateSecurityGroup": ("security-group",),
    "CreateSubnet": ("subnet",),
    "CreateVpc": ("vpc",),
    "CreateLaunchTemplate": ("launch-template",),
}


def ec2_checks(params: dict[str, Any], region: str, account: str) -> tuple[Check, ...]:
    """The checks of an EC2 request. ``params`` as parsed from the query or body: name to list of values."""
    operation = _first(params, "Action")
    if operation.startswith(("Describe", "Get", "List")) and operation != "DescribeInstanceAttribute":
        return (Check("*"),)
    tags_by_type = _tag_specifications(params)
    checks = [
        Check(_arn(kind, value, region, account), context=_instance_keys(kind, value, region))
        for name, value in _ids(params)
        for kind in [_ID_TYPES.get(value.split("-", 1)[0], "resource")]
    ]
    for kind in _CREATES.get(operation, ()):
        checks.append(
            Check(_arn(kind, "*", region, account), context=_request_tags(tags_by_type.get(kind, {})))
        )
    if operation == "CreateTags":
        tags = {
            _first(params, f"{name[:-4]}.Key"): _first(params, f"{name[:-4]}.Value")
            for name in params
            if re.fullmatch(r"Tag\.\d+\.Key", name)
        }
        checks = [Check(check.arn, None, {**check.context, **_request_tags(tags)}) for check in checks]
    elif operation == "DeleteTags":
        keys = [_first(params, name) for name in params if re.fullmatch(r"Tag\.\d+\.Key", name)]
        checks = [Check(check.arn, None, {**check.context, "aws:tagkeys": keys}) for check in checks]
    for kind, tags in tags_by_type.items():
        # Tagging what is created needs ec2:CreateTags too (EC2 user guide, supported-iam-actions-tagging).
        context = {**_request_tags(tags), "ec2:createaction": operation}
        checks.append(Check(_arn(kind, "*", region, account), "ec2:CreateTags", context))
    return tuple(checks) or (Check("*"),)


_DRS_LISTS = ("DescribeSourceServers", "DescribeJobs", "DescribeRecoveryInstances", "InitializeService")
_DRS_IDS = {
    "sourceServerID": "source-server",
    "recoveryInstanceID": "recovery-instance",
    "recoveryInstanceIDs": "recovery-instance",
    "jobID": "job",
    "replicationConfigurationTemplateID": "replication-configuration-template",
    "launchConfigurationTemplateID": "launch-configuration-template",
    "sourceNetworkID": "source-network",
}


def drs_checks(
    operation: str, path: str, body: bytes, params: dict[str, Any], region: str, account: str
) -> tuple[Check, ...]:
    """The checks of a DRS request. Lists take no resource and are checked on ``*``."""
    if path.startswith("/tags/"):
        context = {"aws:tagkeys": list(params.get("tagKeys", []))} if operation == "UntagResource" else {}
        data = _json(body)
        return (
            Check(unquote(path.removeprefix("/tags/")), None, {**context, **_request_tags(data.get("tags"))}),
        )
    data = _json(body)
    if operation in _DRS_LISTS:
        return (Check("*"),)
    context = _request_tags(data.get("tags"))
    if isinstance(extended := data.get("sourceServerArn"), str):
        return (Check(extended, None, context),)
    named: list[tuple[str, str]] = []
    for source in (data, *data.get("sourceServers", []), *data.get("sourceNetworks", [])):
        for key, kind in _DRS_IDS.items():
            value = source.get(key) if isinstance(source, dict) else None
            named += [(kind, str(item)) for item in (value if isinstance(value, list) else [value]) if item]
    checks = [Check(f"arn:aws:drs:{region}:{account}:{kind}/{name}", None, context) for kind, name in named]
    return tuple(checks) or (Check("*", None, context),)


def ssm_checks(operation: str, body: bytes, region: str, account: str) -> tuple[Check, ...]:
    """The checks of a SendCommand: its document and every instance. Of anything else: none of ours."""
    if operation != "SendCommand":
        return ()
    data = _json(body)
    document = str(data.get("DocumentName") or "*")
    owner = "" if document.startswith("AWS") else account  # documents of AWS name no account
    targets = [
        value
        for target in data.get("Targets") or []
        if str(target.get("Key", "")).lower() == "instanceids"
        for value in target.get("Values") or []
    ]
    instances = [*(data.get("InstanceIds") or []), *targets] or ["*"]
    return (
        Check(
            document if document.startswith("arn:") else f"arn:aws:ssm:{region}:{owner}:document/{document}"
        ),
        *(Check(_arn("instance", str(name), region, account)) for name in instances),
    )


def _ids(params: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (name, _first(params, name))
        for name in params
        if _RESOURCE_FIELD.match(name) and _first(params, name)
    ]


def _first(params: dict[str, Any], name: str) -> str:
    value = params.get(name, "")
    return str(value[0] if isinstance(value, list) and value else value or "")


def _arn(kind: str, name: str, region: str, account: str) -> str:
    owner = "" if kind in ("image", "snapshot") else account  # these two ARNs name no account
    return f"arn:aws:ec2:{region}:{owner}:{kind}/{name}"


def _instance_keys(kind: str, value: str, region: str) -> dict[str, Any]:
    return {"ec2:region": region, **({"ec2:instanceid": value} if kind == "instance" else {})}


def _tag_specifications(params: dict[str, Any]) -> dict[str, dict[str, str]]:
    """``{"volume": {"Name": "x"}}`` from TagSpecification.N."""
    found: dict[str, dict[str, str]] = {}
    for name in params:
        match = re.fullmatch(r"(TagSpecification\.\d+)\.Tag\.(\d+)\.Key", name)
        if match:
            kind = _first(params, f"{match[1]}.ResourceType")
            value = _first(params, f"{match[1]}.Tag.{match[2]}.Value")
            found.setdefault(kind, {})[_first(params, name)] = value
    return found


def _request_tags(tags: Any) -> dict[str, Any]:
    if not isinstance(tags, dict) or not tags:
        return {}
    keys = {f"aws:requesttag/{key}".lower(): str(value) for key, value in tags.items()}
    return {**keys, "aws:tagkeys": list(tags)}


def _json(body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body or b"{}")
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}
