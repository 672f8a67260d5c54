"""What a check found, and how severe it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    CRITICAL = "CRITICAL"
    """Blocks the server."""
    OVERRIDABLE = "OVERRIDABLE"
    """Blocks the server unless the request overrides the check with a reason."""
    WARNING = "WARNING"
    """Reported; the server goes on."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of a prerequisite check or of a match: what was found and what to do about it."""

    code: str
    severity: Severity
    found: str
    remedy: str
