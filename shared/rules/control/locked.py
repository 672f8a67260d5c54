"""A server that another execution has locked."""

from __future__ import annotations

from dataclasses import replace

from shared.model.finding import Finding, Severity
from shared.model.server import ServerRecord
from shared.model.status import ServerStatus


def locked_by(server: ServerRecord, holder: str, *, is_drill: bool) -> ServerRecord:
    """The server BLOCKED by the execution ``holder``."""
    remedy = (
        f"Wait for execution {holder} to end; or cancel it (action CANCEL), if it is not needed. Then run "
        "this plan again."
    )
    if is_drill:
        remedy = f"For a real failover, start it again with cancelDrill: true. Else: {remedy}"
    finding = Finding(
        code="LOCKED_BY_EXECUTION",
        severity=Severity.CRITICAL,
        found=f"{'The drill' if is_drill else 'Execution'} {holder} works on this server.",
        remedy=remedy,
    )
    return replace(
        server,
        status=ServerStatus.BLOCKED,
        findings=(*server.findings, finding),
        reason=finding.found,
        remedy=finding.remedy,
    )
