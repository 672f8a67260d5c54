"""The one form of all tables of checks, and the one way to run them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, ParamSpec

from shared.model.finding import Finding, Severity
from shared.model.prerequisite_facts import CheckFailure

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Check(Generic[P]):
    """One row of a table. ``find`` returns None when all is well."""

    code: str
    severity: Severity
    title: str
    find: Callable[P, CheckFailure | None]


def run_checks(checks: Iterable[Check[P]], *args: P.args, **kwargs: P.kwargs) -> tuple[Finding, ...]:
    """Every finding of ``checks``, in their order; empty when all is well."""
    failures = ((check, check.find(*args, **kwargs)) for check in checks)
    return tuple(
        Finding(check.code, check.severity, failure.found, failure.remedy)
        for check, failure in failures
        if failure is not None
    )


def blocking(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings that block: CRITICAL ones, and OVERRIDABLE ones that nothing has overridden."""
    return tuple(finding for finding in findings if finding.severity is not Severity.WARNING)
