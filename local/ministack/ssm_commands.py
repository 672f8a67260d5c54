"""Run Command of Systems Manager on EC2 instances that have no operating system to run anything.

MiniStack refuses every instance without a container behind it. Here a command reaches an instance that runs
and whose profile has AmazonSSMManagedInstanceCore (Systems Manager user guide, setup of instance
permissions); it is delivered after a second and succeeds after two to six more, whatever its document says.
The EC2 fault COMMAND_FAILS makes it fail. Delivery does not time out, and documents are not checked.
ListCommandInvocations, which MiniStack lacks, knows CommandId, InstanceId and the filters InvokedAfter,
InvokedBefore and Status.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

from ministack.core.responses import (
    error_response_json,
    get_account_id,
    get_region,
    json_response,
    request_scope,
)
from ministack.services import ec2, iam, ssm

from local.ministack import hooks
from local.ministack.ec2_lifecycle import Lifecycle
from local.ministack.ec2_wire import Record, Response

MANAGED_POLICY = "AmazonSSMManagedInstanceCore"

_SSM = "ministack.services.ssm"
_DELIVERY_SECONDS = 1.0
_RUN_SECONDS = (2.0, 6.0)
_MOST_INSTANCES = 50  # of one call (API reference, SendCommand, InstanceIds), and of one page
_SHOWN = (
    "CommandId",
    "InstanceId",
    "Comment",
    "DocumentName",
    "DocumentVersion",
    "Status",
    "StatusDetails",
)


class RunCommand:
    """SendCommand, and what becomes of its invocations. The other operations read MiniStack's records."""

    def __init__(self, lifecycle: Lifecycle, seed: int) -> None:
        self._lifecycle = lifecycle
        self._seed = seed

    def install(self) -> None:
        hooks.replace(_SSM, "_send_command", self.send)
        hooks.replace(_SSM, "_managed_instance_ids", managed)
        self._original_handle = hooks.replace(_SSM, "handle_request", self._handle)

    async def _handle(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, query_params: dict[str, Any]
    ) -> Response:
        if headers.get("x-amz-target", "").endswith(".ListCommandInvocations"):
            with self._lifecycle.lock:
                return listed(json.loads(body or b"{}"))
        response: Response = await self._original_handle(method, path, headers, body, query_params)
        return response

    def send(self, data: dict[str, Any]) -> Response:
        """All instances of the call get the command, or, when one of them is not reachable, none."""
        wanted = ssm._command_target_ids(data)
        document = data.get("DocumentName") or ""
        if not document or not wanted or len(wanted) > _MOST_INSTANCES:
            return _refused(
                "ValidationException", f"Give DocumentName and 1 to {_MOST_INSTANCES} InstanceIds."
            )
        with self._lifecycle.lock:
            if unreachable := [name for name in wanted if name not in managed()]:
                names = ", ".join(unreachable)
                return _refused(
                    "InvalidInstanceId",
                    f"Instances [[{names}]] not in a valid state for account {get_account_id()}",
                )
            command = self._record(str(uuid4()), document, wanted, data)
            ssm._commands[command["CommandId"]] = command
            for number, instance_id in enumerate(wanted):
                self._deliver(command, ec2._instances[instance_id], number)
        response: Response = json_response({"Command": ssm._public_command(command)})
        return response

    def _record(self, name: str, document: str, wanted: list[str], data: dict[str, Any]) -> Record:
        now = self._lifecycle.clock.now()
        common = {
            "CommandId": name,
            "Comment": data.get("Comment", ""),
            "DocumentName": document,
            "DocumentVersion": data.get("DocumentVersion", "$DEFAULT"),
            "Status": "Pending",
            "StatusDetails": "Pending",
        }
        return {
            **common,
            "Parameters": data.get("Parameters", {}),
            "InstanceIds": wanted,
            "Targets": data.get("Targets", []),
            "RequestedDateTime": now.timestamp(),
            "ExpiresAfter": now.timestamp() + int(data.get("TimeoutSeconds") or 3600),
            "TimeoutSeconds": int(data.get("TimeoutSeconds") or 3600),
            "TargetCount": len(wanted),
            "CompletedCount": 0,
            "ErrorCount": 0,
            "Invocations": {
                instance_id: {
                    **common,
                    "InstanceId": instance_id,
                    "PluginName": "aws:runShellScript",
                    "ResponseCode": -1,  # not started on the node yet
                    "ExecutionStartDateTime": "",
                    "ExecutionEndDateTime": "",
                    "StandardOutputContent": "",
                    "StandardErrorContent": "",
                }
                for instance_id in wanted
            },
        }

    def _deliver(self, command: Record, instance: Record, number: int) -> None:
        invocation = command["Invocations"][instance["InstanceId"]]
        account, region = get_account_id(), get_region()
        draw = random.Random(f"{self._seed}/{instance['InstanceId']}/{len(ssm._commands)}/{number}/command")

        def begin() -> None:
            with self._lifecycle.lock, request_scope(account, region):
                invocation.update(
                    Status="InProgress",
                    StatusDetails="InProgress",
                    ExecutionStartDateTime=self._lifecycle.timestamp(),
                )
                ssm._refresh_command_status(command)
            self._lifecycle.clock.call_later(draw.uniform(*_RUN_SECONDS), end)

        def end() -> None:
            with self._lifecycle.lock, request_scope(account, region):
                message = self._failure(instance)
                outcome = "Failed" if message else "Success"
                invocation.update(
                    Status=outcome,
                    StatusDetails=outcome,
                    ResponseCode=1 if message else 0,
                    StandardErrorContent=message or "",
                    ExecutionEndDateTime=self._lifecycle.timestamp(),
                )
                ssm._refresh_command_status(command)

        self._lifecycle.clock.call_later(_DELIVERY_SECONDS, begin)

    def _failure(self, instance: Record) -> str | None:
        """Why the command fails on the instance, or None."""
        if instance["State"]["Name"] != "running":
            return "The instance stopped while the command ran."
        fault = self._lifecycle.take("COMMAND_FAILS", instance)
        return (fault.message or "The command ended with exit status 1.") if fault else None


def managed() -> set[str]:
    """The instances of the request's account and Region that a command can reach."""
    return {
        name
        for name, instance in ec2._instances.items()
        if instance["State"]["Name"] == "running" and _may_be_managed(instance)
    }


def _may_be_managed(instance: Record) -> bool:
    arn = str((instance.get("IamInstanceProfile") or {}).get("Arn", ""))
    profile = iam._instance_profiles.get(arn.rsplit("/", 1)[-1]) or {}
    policies = (
        policy
        for role in profile.get("Roles", ())
        for policy in (iam._roles.get(role) or {}).get("AttachedPolicies", ())
    )
    return any(policy.rsplit("/", 1)[-1] == MANAGED_POLICY for policy in policies)


def listed(data: dict[str, Any]) -> Response:
    """ListCommandInvocations: one item for each command and instance, the newest first, in pages."""
    filters = {item["key"]: item["value"] for item in data.get("Filters") or []}
    found = [
        {
            **{key: invocation[key] for key in _SHOWN},
            "RequestedDateTime": command["RequestedDateTime"],
        }
        for command in ssm._commands.values()
        for invocation in command["Invocations"].values()
        if data.get("CommandId") in (None, invocation["CommandId"])
        and data.get("InstanceId") in (None, invocation["InstanceId"])
        and filters.get("Status") in (None, invocation["Status"])
        and _moment(filters, "InvokedAfter", 0.0) <= command["RequestedDateTime"]
        and command["RequestedDateTime"] < _moment(filters, "InvokedBefore", float("inf"))
    ]
    found.sort(key=lambda item: (-item["RequestedDateTime"], item["InstanceId"]))
    start, size = int(data.get("NextToken") or 0), int(data.get("MaxResults") or _MOST_INSTANCES)
    more = {"NextToken": str(start + size)} if start + size < len(found) else {}
    response: Response = json_response({"CommandInvocations": found[start : start + size], **more})
    return response


def _moment(filters: Mapping[str, str], key: str, default: float) -> float:
    return datetime.fromisoformat(filters[key]).timestamp() if key in filters else default


def _refused(code: str, message: str) -> Response:
    response: Response = error_response_json(code, message, 400)
    return response
