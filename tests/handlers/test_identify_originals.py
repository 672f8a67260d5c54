"""IdentifyOriginals: each recovered server is paired with its original instance."""

from __future__ import annotations

from dataclasses import replace

from shared.model.finding import Finding
from shared.model.status import ServerStatus
from tests.handlers.failover import Failover


def test_only_the_recovery_instances_that_the_request_names_are_failed_back(away: Failover) -> None:
    ids = [away.ids["web-2"].workload, "i-00000000000000bad"]
    away.open(plan=away.plan, recoveryInstanceIds=ids)
    away.identify()
    assert set(away.servers()) == {"web-2"}
    away.check()
    findings = away.estate.findings.facts("failback-1", Finding)
    assert ["i-00000000000000bad" in f.found for f in findings if f.code == "RECOVERY_INSTANCE_UNKNOWN"]


def test_a_changed_address_is_refused_with_both_values(away: Failover) -> None:
    [pair] = away.estate.pairs.get([away.ids["web-1"].server]).values()
    away.estate.pairs.put([replace(pair, original_private_ip="10.9.9.9")])
    away.open()
    away.identify()
    server = away.servers()["web-1"]
    assert server.status is ServerStatus.BLOCKED
    assert "RECORD_CONTRADICTED_ADDRESS" in away.codes("web-1")
    assert "10.9.9.9" in (server.reason or "")
    assert (server.private_ip_before or "-") in (server.reason or "")
    assert away.servers()["web-2"].status is ServerStatus.MATCHED
