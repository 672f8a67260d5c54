"""Which wave of a plan each source server belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.model import Finding, Plan, SourceServer

ENABLED_TAG = ("dr:enabled", "true")
STRATEGY_TAG = ("dr:recovery-strategy", "drs")
"""Tags of a source server that takes part in recovery. Values are compared without regard to case."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Who goes with which wave.

    ``wave_by_server``: source server id -> wave, for servers that exactly one wave selects.
    ``unselected``: ids that take part (by tag) but that no wave selects.
    ``ambiguous``: id -> WAVE_AMBIGUOUS finding, for servers that two waves or more select.
    ``plan_findings``: warnings about the plan itself: a server named by id that is not there or not tagged,
    a wave that selects nothing.
    """

    wave_by_server: dict[str, str]
    unselected: tuple[str, ...] = ()
    ambiguous: dict[str, Finding] = field(default_factory=dict)
    plan_findings: tuple[Finding, ...] = ()


def takes_part(server: SourceServer) -> bool:
    """Whether the server carries both tags."""
    raise NotImplementedError


def select(servers: Sequence[SourceServer], plan: Plan) -> Selection:
    """The wave of every server that takes part. ``servers`` may hold untagged ones: they do not count."""
    raise NotImplementedError
