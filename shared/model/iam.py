"""Questions to IAM about what a role may do."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.model.policies import Mode
from shared.model.scope import Scope


@dataclass(frozen=True, slots=True)
class Question:
    """May the role do these actions on this resource, in this context (key, value, IAM type)?"""

    actions: tuple[str, ...]
    resource_arn: str
    context: tuple[tuple[str, str, str], ...] = ()

    @property
    def partition(self) -> str:
        return self.resource_arn.split(":")[1]


@dataclass(frozen=True, slots=True)
class ExecutionRoles:
    """The names of the member roles whose permissions are asked for before they are used."""

    launch: str
    stop: str


@dataclass(frozen=True, slots=True)
class Permissions:
    """What IAM answered: the actions it denied, and why it did not answer all that was asked, if so."""

    denied: tuple[str, ...] = ()
    unanswered: str | None = None


@dataclass(frozen=True, slots=True)
class PermissionsRecord:
    """A whole answer of quiet times, for the day when IAM is silent. ``profiles``: policy names by ARN."""

    scope: Scope
    mode: Mode
    asked_at: str
    denied: tuple[str, ...] = ()
    profiles: dict[str, tuple[str, ...]] = field(default_factory=dict)
