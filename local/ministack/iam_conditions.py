"""IAM where MiniStack's evaluator is coarser than AWS.

MiniStack checks an EC2 call on the first resource it names, and never on tags. Here every resource of an
EC2, DRS or Run Command call is checked, each with its own tags (``aws:ResourceTag``, ``ec2:ResourceTag``) and
the tags the request sets (``aws:RequestTag``, ``aws:TagKeys``); ``aws:CalledVia``, ``aws:ViaAWSService`` and
the role behind ``aws:PrincipalArn`` are as AWS defines them (IAM user guide, global condition context keys).
A write to DynamoDB carries its partition keys (``dynamodb:LeadingKeys``). An action without resource-level
permissions is checked on ``*``, so a policy that names an ARN for it grants nothing.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ministack.services import dynamodb, ec2, iam

from local.ministack import hooks
from local.ministack.asgi import called_via
from local.ministack.iam_leading_keys import Written, written_keys
from local.ministack.iam_resources import Check, drs_checks, ec2_checks, ssm_checks

_EVALUATOR, _ACTIONS = "ministack.core.iam_evaluator", "ministack.core.iam_actions"

_checks: contextvars.ContextVar[tuple[Check, ...]] = contextvars.ContextVar("iam_checks", default=())
_written: contextvars.ContextVar[Written | None] = contextvars.ContextVar("written_keys", default=None)


@dataclass(frozen=True, slots=True)
class _Request:
    """The parameters of MiniStack's ``extract_resource_arn``, by its names."""

    service: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    query_params: dict[str, Any]
    region: str
    account_id: str


class Conditions:
    """Installs the finer checks. ``drs_operation(method, path)`` and ``drs_tags(arn)`` ask the emulator."""

    def __init__(
        self, drs_operation: Callable[[str, str], str], drs_tags: Callable[[str], dict[str, str]]
    ) -> None:
        self._drs_operation = drs_operation
        self._drs_tags = drs_tags
        self._extract: Any = None
        self._enforce: Any = None
        self._resolve: Any = None

    def install(self) -> None:
        self._extract = hooks.replace(_ACTIONS, "extract_resource_arn", self.extract_resource_arn)
        self._enforce = hooks.replace(_EVALUATOR, "enforce", self.enforce)
        self._resolve = hooks.replace(_EVALUATOR, "_resolve_condition_key", self.resolve_condition_key)

    def extract_resource_arn(self, *arguments: Any, **named: Any) -> str:
        """The first resource of a request; all of them are kept for ``enforce``."""
        request = _Request(*arguments, **named)
        checks = self._checks_of(request)
        _checks.set(checks)
        _written.set(_written_by(request) if request.service == "dynamodb" else None)
        if checks:
            return checks[0].arn
        arn: str = _iam_subject(request.service, request.query_params) or self._extract(*arguments, **named)
        return arn

    def _checks_of(self, request: _Request) -> tuple[Check, ...]:
        place = request.region, request.account_id
        if request.service == "ec2":
            return ec2_checks(request.query_params, *place)
        if request.service == "drs":
            operation = self._drs_operation(request.method, request.path)
            return drs_checks(operation, request.path, request.body, request.query_params, *place)
        if request.service == "ssm":
            target = request.headers.get("x-amz-target", "")
            return ssm_checks(target.rsplit(".", 1)[-1], request.body, *place)
        return ()

    def enforce(
        self,
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        """None if allowed, else the denial (the first one of several resources)."""
        context = {**(service_context or {}), **_via()}
        if (written := _written.get()) and service == "dynamodb":
            context["dynamodb:leadingkeys"] = written.get((iam_action, resource_arn.rsplit("/", 1)[-1]))
        checks = _checks.get() if service in ("ec2", "drs", "ssm") else ()
        if not checks or checks[0].arn != resource_arn:
            return self._enforce(access_key_id, iam_action, service, region, resource_arn, context)
        for check in checks:
            denied = self._enforce(
                access_key_id,
                check.action or iam_action,
                service,
                region,
                check.arn,
                {**context, **self._tag_keys(service, check.arn), **check.context},
            )
            if denied:
                return denied
        return None

    def resolve_condition_key(self, key: str, ctx: Any) -> Any:
        """``aws:PrincipalArn`` of a session is its role's ARN, not the session's."""
        if key.lower() == "aws:principalarn" and ":assumed-role/" in ctx.principal_arn:
            return role_arn_of_session(ctx.principal_arn)
        if key.lower() == "aws:securetransport":
            # The loopback stands for TLS: policies that demand it could not be deployed here otherwise.
            return "true"
        return self._resolve(key, ctx)

    def _tag_keys(self, service: str, arn: str) -> dict[str, str]:
        if arn.endswith("/*") or not arn.startswith("arn:"):
            return {}
        if service == "drs":
            tags = self._drs_tags(arn)
            return {f"aws:resourcetag/{key}".lower(): value for key, value in tags.items()}
        found = {tag["Key"]: tag.get("Value", "") for tag in ec2._tags.get(arn.rsplit("/", 1)[-1], [])}
        return {
            f"{prefix}:resourcetag/{key}".lower(): value
            for key, value in found.items()
            for prefix in ("aws", service)
        }


def _iam_subject(service: str, query_params: dict[str, Any]) -> str | None:
    """The principal of a SimulatePrincipalPolicy, the instance profile of a call about one."""
    if service != "iam":
        return None

    def one(name: str) -> str:
        value = query_params.get(name, "")
        return str(value[0] if isinstance(value, list) else value)

    if simulated := one("PolicySourceArn"):
        return simulated
    profile = iam._instance_profiles.get(one("InstanceProfileName"))
    return str(profile["Arn"]) if profile else None


def _written_by(request: _Request) -> Written:
    def partition_key(table: str) -> str | None:
        found = dynamodb._tables.get_scoped(request.account_id, request.region, table)
        return found["pk_name"] if found else None

    operation = request.headers.get("x-amz-target", "").rsplit(".", 1)[-1]
    return written_keys(operation, request.body, partition_key)


def _via() -> dict[str, Any]:
    service = called_via.get()
    if service is None:
        return {"aws:viaawsservice": "false"}
    return {
        "aws:viaawsservice": "true",
        "aws:calledvia": [service],
        "aws:calledviafirst": service,
        "aws:calledvialast": service,
    }


def role_arn_of_session(session_arn: str) -> str:
    """``arn:aws:sts::A:assumed-role/R/S`` → the ARN of role R, with its path where the role exists."""
    account, rest = session_arn.split(":")[4], session_arn.split(":assumed-role/", 1)[1]
    name = rest.split("/", 1)[0]
    role = iam._roles.get_scoped(account, None, name) or {}
    return str(role.get("Arn") or f"arn:aws:iam::{account}:role/{name}")
