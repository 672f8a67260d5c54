"""What an execution runs: the machine, the input, and for a redrive the state to resume at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Machine:
    """A state machine as an execution starts it. ``definition`` is ASL as JSON text.

    ``version_arn`` and ``alias_arn`` are set when the caller named a version or an alias; ``definition`` and
    ``role_arn`` are then those of the version.
    """

    arn: str
    name: str
    definition: str
    role_arn: str
    type: str = "STANDARD"
    version_arn: str | None = None
    alias_arn: str | None = None

    @property
    def account(self) -> str:
        """12 digits."""
        return self.arn.split(":")[4]

    @property
    def region(self) -> str:
        """Such as ``us-east-1``."""
        return self.arn.split(":")[3]


@dataclass(frozen=True, slots=True)
class Resume:
    """Where a redriven execution continues: the state, its input (JSON) and the variables set before it."""

    state: str
    input: str
    variables: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Order:
    """One attempt of an execution. ``input`` is the execution's own, as JSON text, also in a redrive."""

    machine: Machine
    arn: str
    name: str
    input: str
    redrive_count: int = 0
    resume: Resume | None = None
