"""IdentifyOriginals: which original each recovered server came from, and how far it is on the way home."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from shared.aws.quotas import QuotasClient
from shared.model.drs import SourceServer
from shared.model.ec2 import Instance
from shared.model.finding import Finding, Severity
from shared.model.pair import PairRecord
from shared.model.policies import Mode
from shared.model.scope import Site
from shared.model.server import ServerRecord
from shared.model.status import ServerStatus
from shared.rules.checks.prerequisites import blocking
from shared.rules.drs.drs_job_monitor import EXECUTION_TAG
from shared.rules.failback.original_identifier import Identified, IdentifyFacts, conflicts, identify
from shared.rules.failback.stages import stage_values
from shared.rules.plan.selection import Selection, select
from shared.services.asked_for import asked_for
from shared.services.earlier_executions import EarlierExecutions
from shared.services.opened_execution import OpenedExecution
from shared.services.original_reader import OriginalReader
from shared.settings import QuerySettings
from shared.store import ExecutionStore, PairStore
from shared.task import Run, task

RECENT = 20
"""How many earlier executions of the plan are looked at for what a killed failback left."""


@task(QuerySettings)
def handler(run: Run[QuerySettings]) -> dict[str, Any]:
    """``{executionId, executionArn, site}`` → ``{site, servers, identified, blocked}``."""
    store = run.store
    execution = run.execution
    site = run.site
    accounts = run.accounts
    reader = OriginalReader(accounts, site)
    listed = reader.source_servers()
    selection = select(listed, execution.plan)
    recovered = _recovered(store, execution)
    pairs = PairStore(run.settings.pairs_table).get([server.source_server_id for server in listed])
    earlier = EarlierExecutions(store, execution, run.text("executionArn"))
    is_named = asked_for(store, execution.request)
    wanted = [s for s in listed if _is_wanted(s, selection, recovered) and is_named(s)]
    facts = reader.read(
        wanted,
        pairs,
        execution.request.confirmed_originals,
        earlier,
        _failbacks(store, execution),
        execution.policies.failback.stop_workload,
        run.now,
    )
    facts = {server_id: fact for server_id, fact in facts.items() if _is_asked_for(fact, execution)}
    identified = {server_id: identify(fact) for server_id, fact in facts.items()}
    clashes = conflicts(identified)
    records = [
        _record(
            facts[server_id],
            replace(one, findings=one.findings + tuple(_also(server_id, clashes, selection, recovered))),
            site,
            recovered[server_id].wave if recovered is not None else selection.wave_by_server.get(server_id),
            _stage_values(facts[server_id], one, earlier, execution, run),
        )
        for server_id, one in identified.items()
    ]
    gone = [
        record
        for server_id, record in (recovered or {}).items()
        if record.site == site.name and all(server.source_server_id != server_id for server in listed)
    ]
    records += [_gone(record, site) for record in gone]
    limits = QuotasClient(accounts, site.origin).limits(run.settings.limits)
    store.put_facts(run.execution_id, [*_observed(facts.values()), limits])
    store.put_servers(run.execution_id, records)
    blocked = sum(record.status is ServerStatus.BLOCKED for record in records)
    return {
        "site": site.name,
        "servers": len(records),
        "identified": len(records) - blocked,
        "blocked": blocked,
    }


def _recovered(store: ExecutionStore, execution: OpenedExecution) -> dict[str, ServerRecord] | None:
    """The servers that the request's failover recovered; None if it names none."""
    failover = execution.request.failover
    if not failover:
        return None
    servers = store.servers(failover)
    return {s.source_server_id: s for s in servers if s.status is ServerStatus.RECOVERED}


def _failbacks(store: ExecutionStore, execution: OpenedExecution) -> list[str]:
    """Earlier failbacks of the plan that may have changed something, newest first."""
    return [
        record.execution_id
        for record in store.recent(execution.record.plan_name, RECENT)
        if record.mode is Mode.FAILBACK
        and not record.dry_run
        and record.execution_id != execution.record.execution_id
    ]


def _is_wanted(
    server: SourceServer, selection: Selection, recovered: Mapping[str, ServerRecord] | None
) -> bool:
    if recovered is not None:
        return server.source_server_id in recovered
    return server.source_server_id in {*selection.wave_by_server, *selection.ambiguous}


def _is_asked_for(facts: IdentifyFacts, execution: OpenedExecution) -> bool:
    asked = execution.request.recovery_instance_ids
    instance, pair = facts.recovery_instance, facts.pair
    ids = {
        instance.recovery_instance_id if instance else None,
        instance.ec2_instance_id if instance else None,
        pair.pair_instance_id if pair else None,
    }
    return not asked or not ids.isdisjoint(asked)


def _also(
    server_id: str,
    clashes: Mapping[str, Finding],
    selection: Selection,
    recovered: Mapping[str, ServerRecord] | None,
) -> Iterable[Finding]:
    if server_id in clashes:
        yield clashes[server_id]
    if recovered is None and server_id in selection.ambiguous:
        yield selection.ambiguous[server_id]


def _stage_values(
    facts: IdentifyFacts,
    identified: Identified,
    earlier: EarlierExecutions,
    execution: OpenedExecution,
    run: Run[Any],
) -> dict[str, Any]:
    job = facts.earlier_job
    starter = earlier.record(job.tags.get(EXECUTION_TAG, "")) if job else None
    own = (execution.record.plan_name, execution.record.mode)
    return stage_values(
        facts,
        identified.stage,
        earlier_over=starter is not None and earlier.is_over(starter.execution_id),
        same_plan=starter is not None and (starter.plan_name, starter.mode) == own,
        now=run.now,
    )


def _record(
    facts: IdentifyFacts, identified: Identified, site: Site, wave: str | None, stage: dict[str, Any]
) -> ServerRecord:
    findings = (*identified.findings, *stage.get("findings", ()))
    stops = blocking(findings)
    workload, original = facts.workload, facts.original
    values = {
        "original_private_ip": _address(original, facts.pair),
        "private_ip_before": _address(original, facts.pair),
        "volumes_before": original.volumes if original else (),
        **stage,
        "findings": findings,
    }
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
        reason=" ".join(finding.found for finding in stops) or None,
        remedy=" ".join(finding.remedy for finding in stops) or None,
        workload_instance_id=identified.workload_instance_id,
        workload_scope=site.recovery,
        workload_private_ip=workload.private_ip if workload else None,
        pair_moved_by=facts.pair.moved_by if facts.pair else None,
        **values,
    )


def _address(original: Instance | None, pair: PairRecord | None) -> str | None:
    if original is not None:
        return original.private_ip
    return pair.original_private_ip if pair else None


def _gone(record: ServerRecord, site: Site) -> ServerRecord:
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
        workload_instance_id=record.pair_instance_id,
        workload_scope=site.recovery,
    )


def _observed(facts: Iterable[IdentifyFacts]) -> list[Any]:
    seen = ((fact.server, fact.reversed_server, fact.workload, fact.original) for fact in facts)
    return [one for some in seen for one in some if one is not None]
