"""What the findings of the checks make of a server, and of a site's servers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shared.model.finding import Finding, Severity
from shared.model.server import ServerRecord
from shared.model.status import ServerStatus
from shared.rules.checks.check import blocking

UNDECIDED = (ServerStatus.MATCHED, ServerStatus.READY)
"""The statuses in which checks may still decide about a server."""


def decided(server: ServerRecord, findings: tuple[Finding, ...]) -> ServerRecord:
    """The server BLOCKED by its critical findings, else READY."""
    blockers = blocking(findings)
    if not blockers:
        return replace(server, status=ServerStatus.READY, findings=findings)
    return replace(
        server,
        status=ServerStatus.BLOCKED,
        findings=findings,
        reason=" ".join(finding.found for finding in blockers),
        remedy=" ".join(finding.remedy for finding in blockers),
    )


def reverse_decided(server: ServerRecord, findings: tuple[Finding, ...]) -> ServerRecord:
    """As ``decided``; a server that is failed back already is RECOVERED, and only has to be protected."""
    after = decided(server, findings)
    if after.status is ServerStatus.BLOCKED or server.failback.protection is None:
        return after
    return replace(after, status=ServerStatus.RECOVERED, private_ip_after=server.private_ip_before)


def counts(servers: Sequence[ServerRecord]) -> dict[str, int]:
    """``{ready, blocked, warnings}`` of checked or decided servers."""
    blocked = sum(_is_blocked(server) for server in servers)
    findings = [finding for server in servers for finding in server.findings]
    return {
        "ready": len(servers) - blocked,
        "blocked": blocked,
        "warnings": sum(finding.severity is Severity.WARNING for finding in findings),
    }


def checked(server: ServerRecord, findings: tuple[Finding, ...]) -> ServerRecord:
    """The server with the verdict of the checks; DecidePairs makes its status of it."""
    return replace(server, status=ServerStatus.READY, findings=findings)


def _is_blocked(server: ServerRecord) -> bool:
    return server.status is ServerStatus.BLOCKED or (
        server.status is ServerStatus.READY and bool(blocking(server.findings))
    )
