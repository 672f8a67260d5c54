"""Checks that a request overrides: their findings no longer block, and the reason is recorded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from shared.model.finding import Finding, Severity
from shared.model.server import ServerRecord

OVERRIDDEN = "Overridden: "
"""What ``found`` of a lifted finding goes on with; the reason follows."""


@dataclass(frozen=True, slots=True)
class Override:
    """A check of the request's ``overrides``. No ``servers``: for every server of the execution."""

    check: str
    reason: str
    servers: tuple[str, ...] = ()

    def is_for(self, server: ServerRecord) -> bool:
        """Whether it names ``server``: by name, whatever the case, by source server id or instance id."""
        if not self.servers:
            return True
        ids = {
            server.source_server_id,
            server.pair_instance_id,
            server.original_instance_id,
            server.failback.workload_instance_id,
            server.recovery_instance_id,
        }
        return any(word in ids or word.casefold() == server.name.casefold() for word in self.servers)


def apply_overrides(
    findings: Iterable[Finding], overrides: Sequence[Override], server: ServerRecord
) -> tuple[Finding, ...]:
    """``findings`` of ``server``, those that are OVERRIDABLE and overridden as WARNING with the reason.

    Nothing else changes: no override lifts a CRITICAL finding. Applying them again changes nothing more.
    """
    return tuple(_lifted(finding, overrides, server) for finding in findings)


def _lifted(finding: Finding, overrides: Sequence[Override], server: ServerRecord) -> Finding:
    if finding.severity is not Severity.OVERRIDABLE:
        return finding
    reasons = [o.reason for o in overrides if o.check == finding.code and o.is_for(server)]
    if not reasons:
        return finding
    found = f"{finding.found} {OVERRIDDEN}{' '.join(reasons)}"
    return replace(finding, severity=Severity.WARNING, found=found)
