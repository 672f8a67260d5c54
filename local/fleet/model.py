"""A fleet as values: everything a fleet file says, expanded, with every default filled in."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from shared.model.scope import Scope


class Originals(StrEnum):
    """What the disaster does to the originals."""

    STOPPED = "STOPPED"
    RUNNING = "RUNNING"
    UNREACHABLE = "UNREACHABLE"
    """Stopped, and EC2 of the origin does not answer."""


class IssueKind(StrEnum):
    """What can be wrong with a server, in the words of the fleet file."""

    TWO_TARGETS = "twoTargets"
    NO_TARGET = "noTarget"
    TARGET_RUNNING = "targetRunning"
    TARGET_UNTAGGED = "targetUntagged"
    TARGET_ARCHITECTURE = "targetArchitecture"
    NOT_REPLICATING = "notReplicating"
    BUSY = "busy"
    TARGET_DOES_NOT_START = "targetDoesNotStart"
    CONVERSION_FAILS = "conversionFails"
    LAG = "lag"
    SIMILAR_NAME = "similarName"
    ORIGINAL_RUNS = "originalRuns"
    # in a failback
    ORIGINAL_UNTAGGED = "originalUntagged"
    EGRESS_CLOSED = "egressClosed"
    NO_PROFILE = "noProfile"
    AGENT_NEVER_CHECKS_IN = "agentNeverChecksIn"
    WRONG_STAGING_ACCOUNT = "wrongStagingAccount"
    REPLICATION_STALLS = "replicationStalls"
    NOT_CONVERGING = "notConverging"


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing wrong with one server; ``options`` are the keys beside ``kind`` and ``servers``."""

    kind: IssueKind
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """A scope with the subnets of its one VPC: name to CIDR, in the order of the file."""

    scope: Scope
    subnets: dict[str, str]


@dataclass(frozen=True, slots=True)
class FleetSite:
    name: str
    origin: Place
    recovery: Place


@dataclass(frozen=True, slots=True)
class Target:
    """One instance at the recovery side as it is to be made, flaws included."""

    name: str
    architecture: str
    boot_mode: str
    instance_type: str
    tagged: bool = True
    running: bool = False
    starts: bool = True


@dataclass(frozen=True, slots=True)
class Server:
    """One server: its original instance, its source server, and its targets (one when all is well).

    ``disks_gib`` has the root disk first. ``tags`` are those of the source server, Name included.
    """

    name: str
    site: str
    wave: str
    subnet: str
    platform: str
    architecture: str
    boot_mode: str
    instance_type: str
    disks_gib: tuple[int, ...]
    tags: dict[str, str]
    lag_seconds: float
    replication_state: str
    replication_error: str | None
    targets: tuple[Target, ...]
    issues: tuple[Issue, ...] = ()

    def issue(self, kind: IssueKind) -> Issue | None:
        """The issue of this kind, or None."""
        return next((issue for issue in self.issues if issue.kind is kind), None)


@dataclass(frozen=True, slots=True)
class FleetWave:
    """A wave as the file words it; ``on_failure`` and ``health_checks`` are in the plan's own format."""

    name: str
    depends_on: tuple[str, ...]
    on_failure: Any = None
    health_checks: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Fleet:
    """A whole fleet. ``policies``, ``matching``, ``emulator_*`` are passed on in their own formats."""

    path: Path
    name: str
    description: str
    orchestration: Scope
    external_id: str
    sites: tuple[FleetSite, ...]
    servers: tuple[Server, ...]
    waves: tuple[FleetWave, ...]
    policies: dict[str, Any]
    matching: dict[str, Any]
    emulator_settings: dict[str, Any]
    emulator_faults: tuple[dict[str, Any], ...]
    originals: Originals = Originals.STOPPED

    def site(self, name: str) -> FleetSite:
        return next(site for site in self.sites if site.name == name)

    def servers_of(self, wave: str) -> tuple[Server, ...]:
        return tuple(server for server in self.servers if server.wave == wave)

    @property
    def member_scopes(self) -> tuple[Scope, ...]:
        """Every origin and recovery scope once, in the order of the file."""
        places = [place.scope for site in self.sites for place in (site.origin, site.recovery)]
        return tuple(dict.fromkeys(places))

    @property
    def member_accounts(self) -> dict[str, str]:
        """Each member account with the first Region it is used in."""
        accounts: dict[str, str] = {}
        for scope in self.member_scopes:
            accounts.setdefault(scope.account, scope.region)
        return accounts
