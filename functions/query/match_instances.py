"""MatchInstances: pair every discovered server with its target instance, one to one or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from shared.model.drs import SourceServer
from shared.model.ec2 import Instance
from shared.model.finding import Finding
from shared.model.original import OriginalName
from shared.model.server import Change
from shared.model.status import ServerStatus
from shared.rules.matching.instance_matcher import MatchResult, match_instances
from shared.rules.matching.original_names import named_as_original
from shared.rules.plan.selection import select, takes_part
from shared.settings import QuerySettings
from shared.store import Leftover
from shared.task import Run, task

UNDECIDED = (ServerStatus.DISCOVERED, ServerStatus.MATCHED)


@task(QuerySettings)
def handler(run: Run[QuerySettings]) -> dict[str, Any]:
    """``{executionId}`` → ``{matched, unmatched}``."""
    found = run.findings
    plan, request = run.execution.plan, run.execution.request
    records = {
        record.source_server_id: record
        for record in found.servers(run.execution_id)
        if record.status in UNDECIDED
    }
    known = found.facts(run.execution_id, SourceServer)
    # Every source takes part, whatever its record's status and whether the plan selects it: a namesake
    # still makes the name ambiguous, and a repeated call must find the same pairs.
    sources = [server for server in known if takes_part(server)]
    instances = {i.instance_id: i for i in found.facts(run.execution_id, Instance)}
    result = match_instances(sources, list(instances.values()), plan.matching)

    matched = [
        Change(
            server,
            replace(
                server,
                status=ServerStatus.MATCHED,
                pair_instance_id=pair.instance_id,
                paired_by=pair.paired_by,
                private_ip_before=instances[pair.instance_id].private_ip,
            ),
        )
        for pair in result.pairs
        if (server := records.get(pair.source_server_id))
    ]
    unpaired = _with_original_names(run, sources, instances, result)
    unmatched = [
        Change(
            server,
            replace(
                server,
                status=ServerStatus.BLOCKED,
                reason=finding.found,
                remedy=finding.remedy,
                findings=(finding,),
            ),
        )
        for server_id, finding in unpaired.items()
        if (server := records.get(server_id))
    ]
    found.change_servers(run.execution_id, matched + unmatched, only_from=UNDECIDED)
    # Only where all sites are read can a selector, or a manual pair, be found to name no server.
    findings = [] if request.sites else [*select(known, plan).plan_findings, *result.plan_findings]
    leftovers = [Leftover(instance_id, finding) for instance_id, finding in result.unmatched_targets.items()]
    found.put_facts(run.execution_id, [*leftovers, *result.proposals, *findings])
    return {"matched": len(matched), "unmatched": len(unmatched)}


def _with_original_names(
    run: Run[QuerySettings],
    sources: Sequence[SourceServer],
    instances: Mapping[str, Instance],
    result: MatchResult,
) -> dict[str, Finding]:
    """Why servers have no target, with the one that is called as the original where that is known."""
    called = {fact.source_server_id: fact for fact in run.findings.facts(run.execution_id, OriginalName)}
    servers = {server.source_server_id: server for server in sources}
    unused = [instances[instance_id] for instance_id in result.unmatched_targets]
    matching = run.execution.plan.matching
    return {
        key: named_as_original(finding, servers[key], called.get(key), unused, matching)
        for key, finding in result.unmatched_servers.items()
    }
