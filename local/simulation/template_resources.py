"""Functions, machines and rules as a template declares them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function: its logical id, its dotted module, its own environment."""

    name: str
    module: str | None
    environment: dict[str, str]


@dataclass(frozen=True, slots=True)
class Machine:
    """A state machine: its logical id, its file, the name of that without endings, what to fill in."""

    logical_id: str
    name: str
    definition: Path | None
    substitutions: dict[str, str]


@dataclass(frozen=True, slots=True)
class Rule:
    """An EventBridge rule: the functions it invokes (logical ids), the buses it feeds.

    ``own_bus``: it is on the bus of the orchestrator, not on the default bus.
    """

    pattern: dict[str, Any]
    functions: tuple[str, ...] = ()
    buses: tuple[str, ...] = ()
    own_bus: bool = False
