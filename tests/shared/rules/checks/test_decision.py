"""Critical findings block a server; every other finding is only recorded."""

from __future__ import annotations

import pytest

from shared.model.finding import Finding, Severity
from shared.model.status import Protection, ServerStatus
from shared.rules.checks.decision import counts, decided, reverse_decided
from tests import makers

CRITICAL = Finding("BAD", Severity.CRITICAL, "It is bad.", "Repair it.")
WARNING = Finding("ODD", Severity.WARNING, "It is odd.", "Look at it.")


@pytest.mark.parametrize(
    ("findings", "status", "reason"),
    [
        ((), ServerStatus.READY, None),
        ((WARNING,), ServerStatus.READY, None),
        ((WARNING, CRITICAL), ServerStatus.BLOCKED, "It is bad."),
        ((CRITICAL, CRITICAL), ServerStatus.BLOCKED, "It is bad. It is bad."),
    ],
)
def test_findings_decide(findings: tuple[Finding, ...], status: ServerStatus, reason: str | None) -> None:
    server = makers.record(1, status=ServerStatus.MATCHED)
    after = decided(server, findings)
    assert (after.status, after.reason, after.findings) == (status, reason, findings)


@pytest.mark.parametrize(
    ("protection", "findings", "status", "address"),
    [
        (None, (), ServerStatus.READY, None),
        (Protection.RESCANNING, (), ServerStatus.RECOVERED, "10.0.0.1"),
        (Protection.RESCANNING, (CRITICAL,), ServerStatus.BLOCKED, None),
    ],
)
def test_a_failed_back_server_is_recovered_already(
    protection: Protection | None, findings: tuple[Finding, ...], status: ServerStatus, address: str | None
) -> None:
    server = makers.record(1, protection=protection, private_ip_before="10.0.0.1")
    after = reverse_decided(server, findings)
    assert (after.status, after.private_ip_after) == (status, address)


def test_the_counts_are_of_servers_and_of_warnings() -> None:
    servers = [decided(makers.record(1), (WARNING, WARNING)), decided(makers.record(2), (CRITICAL,))]
    assert counts(servers) == {"ready": 1, "blocked": 1, "warnings": 2}
