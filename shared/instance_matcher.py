"""Pairs source servers with their target instances by name: 1:1 or not at all, with the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.model import Finding, Instance, Matching, SourceServer

MANUAL = "MANUAL"
NAME = "NAME"


@dataclass(frozen=True, slots=True)
class Pair:
    """``paired_by`` is MANUAL or NAME."""

    source_server_id: str
    instance_id: str
    paired_by: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """Two names that may be meant to be the same: ``distance`` edits apart. Never paired by itself."""

    source_server_id: str
    instance_id: str
    distance: int


@dataclass(frozen=True, slots=True)
class MatchResult:
    """``plan_findings`` are about manual pairs that name a server nobody knows."""

    pairs: tuple[Pair, ...]
    unmatched_servers: dict[str, Finding] = field(default_factory=dict)
    unmatched_targets: dict[str, Finding] = field(default_factory=dict)
    proposals: tuple[Proposal, ...] = ()
    plan_findings: tuple[Finding, ...] = ()


def normalize(name: str, domain_suffixes: Sequence[str]) -> str:
    """The name as it is compared: without case, surrounding white space, final dot and domain suffix."""
    raise NotImplementedError


def match_instances(
    servers: Sequence[SourceServer], targets: Sequence[Instance], matching: Matching
) -> MatchResult:
    """Pairs within each scope, manual pairs first.

    Pass every server that takes part and every candidate instance of all scopes at once: a name is
    unique only among all of them. Instances without the AWSDRS tag are welcome; they are never paired,
    they explain why a server is left over.
    """
    raise NotImplementedError
