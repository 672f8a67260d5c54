"""The IAM policies of both templates as plain statements, for the tests that hold them to the code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from local.simulation.template import Template, read_document

PROJECT = Path(__file__).resolve().parents[1]
HUB_ACCOUNT, REGION = "999988887777", "us-east-1"
ORIGIN, RECOVERY = "111122223333", "444455556666"
TIERS = ("query", "configuration", "execution/launch", "execution/stop", "execution/retire")
"""The folders of functions/, each with a role path, a boundary and a member role of its own."""
EXECUTION = TIERS[2:]
_CALLED_BY_A_SERVICE = ("aws:ViaAWSService", "aws:CalledVia")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, references resolved. ``condition`` as written."""

    sid: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: dict[str, Any]

    @property
    def forwarded(self) -> bool:
        """Whether it allows only what an AWS service does with the caller's permissions."""
        return any(key in _CALLED_BY_A_SERVICE for keys in self.condition.values() for key in keys)

    @property
    def leading_keys(self) -> tuple[str, ...]:
        """The patterns of partition keys that it limits writes to; none: any key."""
        operator = self.condition.get("ForAllValues:StringLike", {})
        return _listed(operator.get("dynamodb:LeadingKeys", ()))

    def covers(self, keys: Iterable[str]) -> bool:
        """Whether it allows a write of these partition keys."""
        return not self.leading_keys or all(
            any(fnmatchcase(key, pattern) for pattern in self.leading_keys) for key in keys
        )

    @property
    def grants(self) -> set[tuple[str, str]]:
        """Every (action, resource pattern) of it."""
        return {(action, resource) for action in self.actions for resource in self.resources}


@cache
def orchestration() -> Template:
    """template.yaml, resolved as the virtual cloud resolves it, with one member account."""
    return Template.read(PROJECT, HUB_ACCOUNT, REGION, {"MemberAccountIds": RECOVERY})


@cache
def member(account: str = RECOVERY) -> Template:
    """member-account.yaml as deployed in ``account``."""
    document = read_document(PROJECT / "member-account.yaml")
    parameters = {
        "OrchestrationAccountId": HUB_ACCOUNT,
        "ExternalId": "an-external-id",
        "AllowTerminateRecoveryInstances": "true",
        "AllowTagging": "true",
        "AllowRemovingVolumes": "true",
        "SsmDocuments": "drs-orchestrator-*",
        "SharedSsmDocuments": "AWS-RunShellScript",
        "EventBusArn": f"arn:aws:events:{REGION}:{HUB_ACCOUNT}:event-bus/virtual-events",
    }
    return Template(account, REGION, PROJECT, resources=document["Resources"], parameters=parameters)


def properties(template: Template, *types: str) -> dict[str, dict[str, Any]]:
    """The unresolved properties of every resource of these types, by logical id."""
    return {
        name: resource.get("Properties") or {}
        for name, resource in template.resources.items()
        if resource["Type"] in types
    }


def functions() -> dict[str, dict[str, Any]]:
    """The functions' properties by logical id."""
    return properties(orchestration(), "AWS::Serverless::Function")


def tier_of(function: str) -> str:
    """``query`` for a function in functions/query."""
    return str(functions()[function]["CodeUri"]).split("/", 1)[1]


def tier_name(tier: str) -> str:
    """``Launch`` for ``execution/launch``: what the names of its resources in both templates begin with."""
    return tier.rsplit("/", 1)[-1].capitalize()


def function_statements(function: str) -> tuple[Statement, ...]:
    """What the template allows a function, beside the logs and traces that SAM adds."""
    return tuple(
        statement
        for policy in functions()[function].get("Policies", [])
        for statement in statements(orchestration(), policy)
    )


def role_name(tier: str) -> str:
    """The logical id of a tier's role in member-account.yaml."""
    return f"{tier_name(tier)}Role"


def role_statements(tier: str, account: str = RECOVERY) -> tuple[Statement, ...]:
    """What a tier's role may do in a member account."""
    template = member(account)
    policies = template.resources[role_name(tier)]["Properties"]["Policies"]
    return tuple(s for policy in policies for s in statements(template, policy["PolicyDocument"]))


def statements(template: Template, document: dict[str, Any]) -> Iterator[Statement]:
    """The statements of a policy document, or of the managed policy of the template that it refers to."""
    if "Ref" in document:
        document = template.resources[document["Ref"]]["Properties"]["PolicyDocument"]
    for statement in document["Statement"]:
        resolved = template.resolve(statement)
        yield Statement(
            sid=resolved.get("Sid", ""),
            effect=resolved["Effect"],
            actions=_listed(resolved["Action"]),
            resources=tuple(map(str, _listed(resolved.get("Resource", [])))),
            condition=resolved.get("Condition", {}),
        )


def matches(pattern: str, resource: str) -> bool:
    """Whether a statement's resource covers ``resource``; ``*`` as a resource only fits ``*``."""
    return pattern == resource if resource == "*" else fnmatchcase(resource, pattern)


def _listed(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list | tuple) else (value,)
