"""CheckPrerequisites: everything that could make a launch fail, looked at before anything changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from shared.model.drs import SourceServer
from shared.model.ec2 import Instance
from shared.model.finding import Severity
from shared.model.server import ServerChange, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.checks.prerequisites import blocking, check_scope, check_server
from shared.rules.plan.overrides import apply_overrides
from shared.rules.resumption.adoption import Earlier
from shared.rules.resumption.carry_over import inherit
from shared.services.earlier_executions import EarlierExecutions
from shared.services.prerequisite_reader import PrerequisiteReader
from shared.settings import QuerySettings
from shared.store import LockStore, PairStore, server_lock
from shared.task import Run, task
from shared.times import iso

UNDECIDED = (ServerStatus.MATCHED, ServerStatus.READY)
LOOK_BACK = timedelta(days=1)
"""How long ago a job may have begun and still run."""


@task(QuerySettings)
def handler(run: Run[QuerySettings]) -> dict[str, Any]:
    """``{executionId, executionArn, site}`` → ``{site, ready, blocked, warnings}``."""
    store = run.store
    execution = run.execution
    site = run.site
    records = [
        record
        for record in store.servers(run.execution_id)
        if record.site == site.name and record.status in UNDECIDED
    ]
    reader = PrerequisiteReader(
        accounts=run.accounts,
        site=site,
        execution_role=run.settings.execution_role,
    )
    ids = [record.source_server_id for record in records]
    earlier = EarlierExecutions(store, execution, run.text("executionArn"))
    # Before the launch settings are read: what a dead holder says it has put back is then seen so.
    holders = _holders(LockStore(run.settings.executions_table), earlier, ids)
    pairs = PairStore(run.settings.pairs_table).get(ids)
    facts = reader.read(
        records,
        store.facts(run.execution_id, SourceServer, ids),
        lambda gone: store.facts(run.execution_id, Instance, gone),
        pairs,
        {server: holder.execution for server, holder in holders.items() if not holder.is_over},
        jobs_since=iso(run.now - LOOK_BACK),
        mode=execution.record.mode,
        limits=store.limits(run.execution_id, site.recovery),
    )
    scope_findings = check_scope(facts.scope)
    store.put_facts(run.execution_id, scope_findings)
    from_scope = blocking(scope_findings)
    changes = []
    for record in records:
        server_id = record.source_server_id
        inherited = inherit(
            facts.servers[server_id],
            job=facts.jobs.get(server_id),
            starter=earlier.of_job(facts.jobs.get(server_id), server_id),
            holder=holders.get(server_id),
            now=run.now,
        )
        findings = inherited.settle(from_scope + check_server(facts.servers[server_id], execution.policies))
        findings = apply_overrides(findings, execution.request.overrides, record)
        moved_by = pairs[server_id].moved_by if server_id in pairs else None
        values = {**_verdict(findings), **inherited.values, "pair_moved_by": moved_by}
        changes.append(ServerChange(record, values))
    done = store.change_servers(run.execution_id, changes, only_from=UNDECIDED)
    return _counts(site.name, done)


def _holders(locks: LockStore, earlier: EarlierExecutions, ids: Sequence[str]) -> dict[str, Earlier]:
    """The executions that hold these servers, over or not, by source server id."""
    found = locks.holders([server_lock(server_id) for server_id in ids])
    holders = {server_id: earlier.of(found.get(server_lock(server_id)), server_id) for server_id in ids}
    return {server_id: holder for server_id, holder in holders.items() if holder}


def _verdict(findings: tuple[Any, ...]) -> dict[str, Any]:
    blockers = blocking(findings)
    if not blockers:
        return {"status": ServerStatus.READY, "findings": findings}
    return {
        "status": ServerStatus.BLOCKED,
        "findings": findings,
        "reason": " ".join(finding.found for finding in blockers),
        "remedy": " ".join(finding.remedy for finding in blockers),
    }


def _counts(site: str, records: list[ServerRecord]) -> dict[str, Any]:
    return {
        "site": site,
        "ready": sum(record.status is ServerStatus.READY for record in records),
        "blocked": sum(record.status is ServerStatus.BLOCKED for record in records),
        "warnings": sum(
            finding.severity is Severity.WARNING for record in records for finding in record.findings
        ),
    }
