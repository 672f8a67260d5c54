"""Whether a pair can be launched now: a table of checks, each with a code, a severity and a remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from shared.model import Finding, Policies, Severity
from shared.prerequisite_facts import ProfileFacts, ScopeFacts, ServerFacts

__all__ = [
    "CHECKS",
    "SCOPE_CHECKS",
    "Check",
    "ProfileFacts",
    "ScopeCheck",
    "ScopeFacts",
    "ServerFacts",
    "Trouble",
    "check_scope",
    "check_server",
    "is_blocked",
]


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a check found and what to do about it."""

    found: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the table. ``look`` returns None when all is well."""

    code: str
    severity: Severity
    title: str
    look: Callable[[ServerFacts, Policies], Trouble | None]


@dataclass(frozen=True, slots=True)
class ScopeCheck:
    code: str
    severity: Severity
    title: str
    look: Callable[[ScopeFacts], Trouble | None]


CHECKS: tuple[Check, ...] = ()
SCOPE_CHECKS: tuple[ScopeCheck, ...] = ()


def check_server(facts: ServerFacts, policies: Policies) -> tuple[Finding, ...]:
    """Every finding about one pair, in the order of CHECKS; empty when it is ready."""
    raise NotImplementedError


def check_scope(facts: ScopeFacts) -> tuple[Finding, ...]:
    """Every finding about one scope, in the order of SCOPE_CHECKS."""
    raise NotImplementedError


def is_blocked(findings: Iterable[Finding]) -> bool:
    """Whether any finding is CRITICAL."""
    return any(finding.severity is Severity.CRITICAL for finding in findings)
