"""A recovery plan: sites, waves, selectors, pairs."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.model.policies import FailurePolicy, Policies
from shared.model.scope import Site


@dataclass(frozen=True, slots=True)
class Selector:
    """Which source servers: by id, by name pattern (fnmatch, case-blind), or by tags (all must match).

    A server is selected when any of the three that are given selects it.
    """

    source_server_ids: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    protection_group: str | None = None


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """A check of the plan that an instance must pass. ``{privateIp}`` and ``{name}`` are filled in.

    TCP: ``host`` (default the private IP) accepts a connection on ``port``.
    HTTP: GET ``url`` answers ``status`` (default 200). ``timeout_seconds`` is for one try.
    """

    type: str  # "TCP" or "HTTP"
    port: int | None = None
    host: str | None = None
    url: str | None = None
    status: int = 200
    timeout_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class PlannedWave:
    """A wave as the plan words it."""

    name: str
    selector: Selector
    depends_on: tuple[str, ...]
    on_failure: FailurePolicy
    health_checks: tuple[HealthCheck, ...] = ()


@dataclass(frozen=True, slots=True)
class ManualPair:
    """A pair that the plan fixes by hand; exactly one of the first two is set."""

    target_instance_id: str
    source_server_id: str | None = None
    source_server_name: str | None = None


@dataclass(frozen=True, slots=True)
class Matching:
    domain_suffixes: tuple[str, ...] = ()
    manual_pairs: tuple[ManualPair, ...] = ()
    max_edit_distance: int = 0


@dataclass(frozen=True, slots=True)
class Objectives:
    """What the plan promises: recovery time and recovery point, and the days between drills."""

    rto_seconds: int | None = None
    rpo_seconds: int | None = None
    drill_every_days: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    name: str
    description: str
    sites: tuple[Site, ...]
    protection_groups: dict[str, Selector]
    waves: tuple[PlannedWave, ...]
    matching: Matching
    policies: Policies
    objectives: Objectives = Objectives()

    def wave(self, name: str) -> PlannedWave:
        return next(wave for wave in self.waves if wave.name == name)
