"""Which findings count for each server of a failback, and what a request named without effect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from shared.model.finding import Finding, Severity
from shared.model.server import ServerRecord
from shared.rules.checks.check import blocking
from shared.rules.failback.identity import BEFORE_VERIFICATION
from shared.rules.failback.original_identifier import Identified, conflicts
from shared.rules.failback.stages import stage_of

_IDENTIFIED = ("ADOPTED", "REVERSED_LEFT_OVER")
"""The findings of the identification that do not block."""


def clashes_of(servers: Iterable[ServerRecord]) -> dict[str, Finding]:
    """Servers that claim the same original, by source server id."""
    return conflicts(
        {
            server.source_server_id: Identified(
                stage_of(server), server.pair_instance_id, server.failback.workload_instance_id
            )
            for server in servers
        }
    )


def findings_of(
    server: ServerRecord,
    checked: tuple[Finding, ...],
    scope_findings: Sequence[Finding],
    clash: Finding | None,
) -> tuple[Finding, ...]:
    """What identification found and the checks add; a repeated call adds nothing twice.

    ``scope_findings`` count only for a server that is not yet launched.
    """
    codes = {finding.code for finding in checked}
    kept = tuple(f for f in server.findings if f.code in _IDENTIFIED and f.code not in codes)
    first = blocking(tuple(scope_findings)) if stage_of(server) in BEFORE_VERIFICATION else ()
    return first + kept + checked + ((clash,) if clash else ())


def unknown_instances(named: Iterable[str], servers: Iterable[ServerRecord]) -> Iterator[Finding]:
    """Recovery instances that the request names and no server of the plan has."""
    known = {server.failback.workload_instance_id for server in servers}
    for instance_id in named:
        if instance_id not in known:
            yield Finding(
                "RECOVERY_INSTANCE_UNKNOWN",
                Severity.WARNING,
                f"{instance_id} is no recovery instance of a server that the plan selects.",
                "Correct recoveryInstanceIds in the request, or the selectors of the plan.",
            )
