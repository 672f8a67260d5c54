"""A site that could not be read, as a fact of an execution."""

from __future__ import annotations

from dataclasses import dataclass

from shared.model.finding import Finding, Severity

SITE_UNREADABLE = "SITE_UNREADABLE"


@dataclass(frozen=True, slots=True)
class UnreadableSite:
    """The orchestrator has no access to its recovery scope: its servers are not even known."""

    site: str
    found: str
    remedy: str

    @property
    def finding(self) -> Finding:
        return Finding(SITE_UNREADABLE, Severity.CRITICAL, self.found, self.remedy)
