"""Which original quiet times record of a server: the one that EC2 confirms, and no other server names."""

from __future__ import annotations

from datetime import datetime

from shared.model.original import OriginalRecord
from shared.model.prerequisite_facts import ServerFacts
from shared.rules.originals.claims import ambiguity
from shared.rules.originals.evidence import evidence
from shared.times import iso


def original_to_record(facts: ServerFacts, execution_id: str, now: datetime) -> OriginalRecord | None:
    """The record to write; None where it stands already, or where EC2 does not confirm the original."""
    server, original, recorded = facts.server, facts.original, facts.recorded_original
    if original is None or not evidence(server, original).confirms:
        return None
    if ambiguity(facts.contested, server.source_server_id):
        return None
    if recorded is not None and recorded.original_instance_id == original.instance_id:
        return None
    return OriginalRecord(
        source_server_id=server.source_server_id,
        name=server.name,
        original_instance_id=original.instance_id,
        scope=original.scope,
        recorded_at=iso(now),
        recorded_by=execution_id,
        revision=recorded.revision if recorded else 0,
    )
