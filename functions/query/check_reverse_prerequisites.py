"""CheckReversePrerequisites: everything that could make the way back fail, before anything changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from shared.model.drs import SourceServer
from shared.model.finding import Finding, Severity
from shared.model.policies import Policies
from shared.model.server import ServerChange, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.checks.prerequisites import blocking
from shared.rules.checks.reverse_facts import ReverseServerFacts
from shared.rules.checks.reverse_prerequisites import check_origin_scope, check_reverse_server
from shared.rules.failback.original_identifier import BEFORE_VERIFICATION, Identified, conflicts
from shared.rules.failback.stages import stage_of
from shared.rules.plan.overrides import apply_overrides
from shared.services.earlier_executions import EarlierExecutions
from shared.services.opened_execution import OpenedExecution
from shared.services.reverse_prerequisite_reader import ReversePrerequisiteReader
from shared.settings import QuerySettings
from shared.store import LockStore, server_lock
from shared.task import Run, task
from shared.times import iso

UNDECIDED = (ServerStatus.MATCHED, ServerStatus.READY)
LOOK_BACK = timedelta(days=1)
"""How long ago a job may have begun and still run."""


@task(QuerySettings)
def handler(run: Run[QuerySettings]) -> dict[str, Any]:
    """``{executionId, executionArn, site}`` → ``{site, ready, blocked, warnings}``.

    Servers that are home already, or only have to be protected or tidied up, become RECOVERED.
    """
    store = run.store
    execution = run.execution
    site = run.site
    everyone = store.servers(run.execution_id)
    records = [r for r in everyone if r.site == site.name and r.status in UNDECIDED]
    reader = ReversePrerequisiteReader(
        accounts=run.accounts,
        site=site,
        execution_role=run.settings.execution_role,
    )
    facts = reader.read(
        records,
        {source.source_server_id: source for source in store.facts(run.execution_id, SourceServer)},
        _held(
            LockStore(run.settings.executions_table),
            EarlierExecutions(store, execution, run.text("executionArn")),
            [record.source_server_id for record in records],
        ),
        jobs_since=iso(run.now - LOOK_BACK),
        limits=store.limits(run.execution_id, site.origin),
    )
    scope_findings = check_origin_scope(facts.scope) if facts.scope else ()
    store.put_facts(run.execution_id, [*scope_findings, *_asked_in_vain(execution, everyone)])
    clashes = conflicts({r.source_server_id: _identified(r) for r in everyone})
    changes = []
    for record in records:
        findings = _findings(record, facts.servers[record.source_server_id], execution.policies)
        if stage_of(record) in BEFORE_VERIFICATION:
            findings = blocking(scope_findings) + findings
        if clash := clashes.get(record.source_server_id):
            findings += (clash,)
        findings = apply_overrides(findings, execution.request.overrides, record)
        changes.append(ServerChange(record, _verdict(record, findings)))
    done = store.change_servers(run.execution_id, changes, only_from=UNDECIDED)
    return {
        "site": site.name,
        "ready": sum(record.status is not ServerStatus.BLOCKED for record in done),
        "blocked": sum(record.status is ServerStatus.BLOCKED for record in done),
        "warnings": sum(f.severity is Severity.WARNING for record in done for f in record.findings),
    }


def _held(locks: LockStore, earlier: EarlierExecutions, ids: Sequence[str]) -> dict[str, str]:
    """The servers that another execution holds which is not over, with its id."""
    found = locks.holders([server_lock(server_id) for server_id in ids])
    holders = {server_id: earlier.of(found.get(server_lock(server_id)), server_id) for server_id in ids}
    return {
        server_id: holder.execution.execution_id
        for server_id, holder in holders.items()
        if holder is not None and not holder.is_over
    }


def _findings(record: ServerRecord, facts: ReverseServerFacts, policies: Policies) -> tuple[Finding, ...]:
    """What identification found and the checks add; a repeated call adds nothing twice."""
    checked = check_reverse_server(facts, policies)
    codes = {finding.code for finding in checked}
    return tuple(f for f in record.findings if f.code in _IDENTIFIED and f.code not in codes) + checked


_IDENTIFIED = ("ADOPTED",)
"""The finding of the identification that does not block."""


def _identified(record: ServerRecord) -> Identified:
    return Identified(stage_of(record), record.pair_instance_id, record.workload_instance_id)


def _asked_in_vain(execution: OpenedExecution, records: Sequence[ServerRecord]) -> Iterator[Finding]:
    known = {record.workload_instance_id for record in records}
    for instance_id in execution.request.recovery_instance_ids:
        if instance_id not in known:
            yield Finding(
                "RECOVERY_INSTANCE_UNKNOWN",
                Severity.WARNING,
                f"{instance_id} is no recovery instance of a server that the plan selects.",
                "Correct recoveryInstanceIds in the request, or the selectors of the plan.",
            )


def _verdict(record: ServerRecord, findings: tuple[Finding, ...]) -> dict[str, Any]:
    blockers = blocking(findings)
    if blockers:
        return {
            "status": ServerStatus.BLOCKED,
            "findings": findings,
            "reason": " ".join(finding.found for finding in blockers),
            "remedy": " ".join(finding.remedy for finding in blockers),
        }
    if record.protection is None:
        return {"status": ServerStatus.READY, "findings": findings}
    return {
        "status": ServerStatus.RECOVERED,
        "findings": findings,
        "private_ip_after": record.private_ip_before,
    }
