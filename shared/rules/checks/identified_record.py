"""The record of a server in a failback, from what identified its original."""

from __future__ import annotations

from collections.abc import Iterable

from shared.model.finding import Finding, Severity
from shared.model.scope import Site
from shared.model.server import FailbackProgress, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.checks.check import blocking
from shared.rules.failback.identity import IdentifyFacts
from shared.rules.failback.original_identifier import Identified


def is_asked_for(facts: IdentifyFacts, recovery_instance_ids: Iterable[str]) -> bool:
    """Whether the request's ``recoveryInstanceIds`` name the server; without them they name all."""
    asked = set(recovery_instance_ids)
    instance, pair = facts.recovery_instance, facts.pair
    ids = {
        instance.recovery_instance_id if instance else None,
        instance.ec2_instance_id if instance else None,
        pair.pair_instance_id if pair else None,
    }
    return not asked or not ids.isdisjoint(asked)


def identified_record(
    facts: IdentifyFacts, identified: Identified, site: Site, wave: str | None
) -> ServerRecord:
    """The record of a server whose original is identified, or that is BLOCKED."""
    stops = blocking(identified.findings)
    workload, original = facts.workload, facts.original
    return ServerRecord(
        source_server_id=facts.server.source_server_id,
        name=facts.server.name,
        scope=site.origin,
        site=site.name,
        status=ServerStatus.BLOCKED if stops else ServerStatus.MATCHED,
        original_instance_id=identified.original_instance_id,
        pair_instance_id=identified.original_instance_id,
        paired_by="MANUAL" if facts.confirmed_original else None,
        wave=wave,
        original_private_ip=_address(facts),
        private_ip_before=_address(facts),
        volumes_before=original.volumes if original else (),
        reason=" ".join(finding.found for finding in stops) or None,
        remedy=" ".join(finding.remedy for finding in stops) or None,
        failback=FailbackProgress(
            workload_instance_id=identified.workload_instance_id,
            workload_scope=site.recovery,
            workload_private_ip=workload.private_ip if workload else None,
            moved_off_original_at=None
            if facts.recorded_at_origin or not facts.pair
            else facts.pair.last_launch_at,
        ),
        pair_moved_by=facts.pair.moved_by if facts.pair else None,
        findings=identified.findings,
    )


def missing_record(record: ServerRecord, site: Site) -> ServerRecord:
    """A server that the failover recovered and DRS does not list any more, BLOCKED."""
    finding = Finding(
        "SOURCE_SERVER_NOT_FOUND",
        Severity.CRITICAL,
        f"{record.name} ({record.source_server_id}), which the failover recovered, is no source server of "
        f"{site.recovery} any more: there is nothing that could protect it again.",
        f"Its workload runs in {record.pair_instance_id}. Install the DRS agent there towards the origin.",
    )
    return ServerRecord(
        source_server_id=record.source_server_id,
        name=record.name,
        scope=site.origin,
        site=site.name,
        status=ServerStatus.BLOCKED,
        original_instance_id=record.original_instance_id,
        pair_instance_id=record.original_instance_id,
        wave=record.wave,
        reason=finding.found,
        remedy=finding.remedy,
        findings=(finding,),
        failback=FailbackProgress(workload_instance_id=record.pair_instance_id, workload_scope=site.recovery),
    )


def _address(facts: IdentifyFacts) -> str | None:
    if facts.original is not None:
        return facts.original.private_ip
    return facts.pair.original_private_ip if facts.pair else None
