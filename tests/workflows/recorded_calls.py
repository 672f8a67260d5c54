"""A virtual cloud that records every AWS call of a function: which function, in which role, on what."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from local.ministack.iam_leading_keys import Written, written_keys
from local.simulation import VirtualCloud
from local.simulation.functions import Handler
from local.simulation.template import STACK_NAME
from local.simulation.transport import ORCHESTRATION_KEY, Answer, Call
from shared.aws.cross_account import member_accounts

_ACCESS_KEY = re.compile(r"<AccessKeyId>([^<]+)<")
_TRANSACTION = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}


@dataclass(frozen=True, slots=True)
class Recorded:
    """A permission that a call needed. ``role`` is a member role's ARN, None for the function's own.

    ``keys``: the partition keys that it wrote to DynamoDB.
    """

    function: str
    role: str | None
    action: str
    resource: str
    keys: tuple[str, ...] = ()


_role_of_key: dict[str, str] = {}
"""Role ARNs by the access keys of sessions, which functions keep longer than a cloud lasts."""


def forget_sessions() -> None:
    """Sessions from before are given up: their roles are not known."""
    member_accounts.cache_clear()


class RecordingCloud(VirtualCloud):
    """Functions share sessions here, unlike in AWS: who uses a role is taken to have assumed it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.recorded: set[Recorded] = set()
        self._function: str | None = None

    def __enter__(self) -> RecordingCloud:
        super().__enter__()
        for name, function in self.template.functions().items():
            assert function.module, f"{name} has no module in functions/"
            self.add_function(name, self._watched(name, importlib.import_module(function.module).handler))
        return self

    def answer(self, call: Call) -> Answer:
        """The answer to a call, noted if a function made it."""
        answer = super().answer(call)
        if call.operation == "AssumeRole" and (key := _ACCESS_KEY.search(answer.body.decode())):
            _role_of_key[key[1]] = _form(call)["RoleArn"]
        # DRS, too, calls EC2 while a function waits for it, with the keys of the account itself.
        if self._function is not None and (call.access_key_id in (ORCHESTRATION_KEY, *_role_of_key)):
            role = _role_of_key.get(call.access_key_id)
            written = self._written(call)
            for action, resource in permissions(call):
                keys = tuple(written.get((action, resource.rsplit("/", 1)[-1]), ()))
                self.recorded.add(Recorded(self._function, role, action, resource, keys))
            if role is not None:
                self.recorded.add(Recorded(self._function, None, "sts:AssumeRole", role))
        return answer

    def _written(self, call: Call) -> Written:
        if call.service != "dynamodb":
            return {}
        schemas = {
            table["TableName"]: table["KeySchema"][0]["AttributeName"]
            for table in self.template.tables().values()
        }
        return written_keys(call.operation, call.body, schemas.get)

    def _watched(self, name: str, handler: Handler) -> Handler:
        def watched(event: Any, context: Any) -> Any:
            self._function = name
            try:
                return handler(event, context)
            finally:
                self._function = None

        return watched


def permissions(call: Call) -> Iterator[tuple[str, str]]:
    """The IAM actions and resources that AWS checks for a call (Service Authorization Reference)."""
    yield from _SERVICES[call.service](call)


def _dynamodb(call: Call) -> Iterator[tuple[str, str]]:
    body = json.loads(call.body)
    if call.operation in ("BatchGetItem", "BatchWriteItem"):
        for table in body["RequestItems"]:
            yield f"dynamodb:{call.operation}", _table(call, table)
    elif call.operation == "TransactWriteItems":
        for item in body["TransactItems"]:
            for kind, arguments in item.items():
                yield f"dynamodb:{_TRANSACTION[kind]}", _table(call, arguments["TableName"])
    else:
        index = f"/index/{body['IndexName']}" if "IndexName" in body else ""
        yield f"dynamodb:{call.operation}", _table(call, body["TableName"]) + index


def _table(call: Call, name: str) -> str:
    return f"arn:aws:dynamodb:{call.region}:{call.account}:table/{name}"


def _s3(call: Call) -> Iterator[tuple[str, str]]:
    yield f"s3:{call.operation}", f"arn:aws:s3:::{call.path.strip('/')}"


def _sns(call: Call) -> Iterator[tuple[str, str]]:
    yield f"sns:{call.operation}", _form(call)["TopicArn"]


def _states(call: Call) -> Iterator[tuple[str, str]]:
    body = json.loads(call.body)
    if "taskToken" in body:  # names no resource
        yield f"states:{call.operation}", "*"
        return
    arn = body.get("stateMachineArn") or body["executionArn"]
    # The virtual cloud names machines without the stack's name, which the template puts before.
    yield (
        f"states:{call.operation}",
        re.sub(rf":(execution|stateMachine):(?!{STACK_NAME}-)", rf":\1:{STACK_NAME}-", arn),
    )


def _sts(call: Call) -> Iterator[tuple[str, str]]:
    yield f"sts:{call.operation}", _form(call)["RoleArn"]


def _drs(call: Call) -> Iterator[tuple[str, str]]:
    body = json.loads(call.body or b"{}")
    here = f"arn:aws:drs:{call.region}:{call.account}"
    servers = [body, *body.get("sourceServers", [])]
    resources = [f"{here}:source-server/{s['sourceServerID']}" for s in servers if "sourceServerID" in s]
    instances = [*body.get("recoveryInstanceIDs", []), body.get("recoveryInstanceID")]
    resources += [f"{here}:recovery-instance/{one}" for one in instances if one]
    resources += [f"{here}:job/{body['jobID']}"] if "jobID" in body else []
    for resource in resources or ["*"]:
        yield f"drs:{call.operation}", resource
    if call.operation == "StartRecovery" and body.get("tags"):
        yield "drs:TagResource", f"{here}:job/new"


_EC2_KINDS = {"i": "instance", "vol": "volume"}
_EC2_IDS = re.compile(r"(InstanceId|VolumeId|ResourceId)(\.\d+)?$")


def _ec2(call: Call) -> Iterator[tuple[str, str]]:
    form = _form(call)
    ids = [value for key, value in form.items() if _EC2_IDS.match(key)]
    if call.operation.startswith("Describe") and call.operation != "DescribeInstanceAttribute":
        # of those we call, no other takes a resource
        ids = []
    here = f"arn:aws:ec2:{call.region}:{call.account}"
    for resource in [f"{here}:{_EC2_KINDS[one.split('-')[0]]}/{one}" for one in ids] or ["*"]:
        yield f"ec2:{call.operation}", resource
    if call.operation == "CreateSnapshot":  # asked for what it creates too, and for its tags
        snapshot = f"arn:aws:ec2:{call.region}::snapshot/new"
        yield from ((f"ec2:{one}", snapshot) for one in ("CreateSnapshot", "CreateTags"))


def _ssm(call: Call) -> Iterator[tuple[str, str]]:
    """SendCommand is checked on the document and on every instance; a document of AWS's has no account."""
    body = json.loads(call.body)
    if call.operation != "SendCommand":
        yield f"ssm:{call.operation}", "*"
        return
    owner = "" if body["DocumentName"].startswith("AWS-") else call.account
    yield "ssm:SendCommand", f"arn:aws:ssm:{call.region}:{owner}:document/{body['DocumentName']}"
    for instance in body["InstanceIds"]:
        yield "ssm:SendCommand", f"arn:aws:ec2:{call.region}:{call.account}:instance/{instance}"


def _iam(call: Call) -> Iterator[tuple[str, str]]:
    form = _form(call)
    here = f"arn:aws:iam::{call.account}"
    named = {
        "GetInstanceProfile": lambda: f"{here}:instance-profile/{form['InstanceProfileName']}",
        "ListAttachedRolePolicies": lambda: f"{here}:role/{form['RoleName']}",
        "SimulatePrincipalPolicy": lambda: form["PolicySourceArn"],
    }
    yield f"iam:{call.operation}", named[call.operation]()


def _service_quotas(call: Call) -> Iterator[tuple[str, str]]:
    yield f"servicequotas:{call.operation}", "*"  # of those we call, none takes a resource


def _form(call: Call) -> dict[str, str]:
    return {key: values[0] for key, values in parse_qs(call.body.decode()).items()}


_SERVICES = {
    "dynamodb": _dynamodb,
    "drs": _drs,
    "ec2": _ec2,
    "iam": _iam,
    "s3": _s3,
    "service-quotas": _service_quotas,
    "sfn": _states,
    "sns": _sns,
    "ssm": _ssm,
    "sts": _sts,
}
"""A call to another service fails the test with its name: say here what it needs."""
