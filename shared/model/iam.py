"""Questions to IAM about what a role may do."""

from __future__ import annotations

from dataclasses import dataclass


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
