"""CheckPrerequisites: everything that could make a launch fail, looked at before anything changes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.cross_account import member_accounts
from shared.model import Instance, ServerRecord, ServerStatus, Severity, SourceServer
from shared.opened_execution import opened
from shared.prerequisite_reader import PrerequisiteReader
from shared.prerequisites import check_scope, check_server, is_blocked
from shared.settings import QuerySettings
from shared.store import LockStore, PairStore, ServerChange, execution_store
from shared.store.locks import held_by_others
from shared.task import Task, iso, task
from shared.workflows import execution_is_over

UNDECIDED = (ServerStatus.MATCHED, ServerStatus.READY)
LOOK_BACK = timedelta(days=1)
"""How long ago a job may have begun and still run."""


@task
def handler(task: Task) -> dict[str, Any]:
    """``{executionId, executionArn, site}`` → ``{site, ready, blocked, warnings}``."""
    settings = QuerySettings.from_env()
    store = execution_store(settings.executions_table)
    execution = opened(store, task.execution_id)
    site = next(site for site in execution.plan.sites if site.name == task.text("site"))
    records = [
        record
        for record in store.servers(task.execution_id)
        if record.site == site.name and record.status in UNDECIDED
    ]
    reader = PrerequisiteReader(
        accounts=member_accounts(settings.member_role, settings.external_id),
        site=site,
        execution_role=settings.execution_role,
    )
    held = held_by_others(
        LockStore(settings.executions_table),
        [record.source_server_id for record in records],
        task.execution_id,
        lambda holder: execution_is_over(store, holder, task.text("executionArn")),
    )
    facts = reader.read(
        records,
        store.facts(task.execution_id, SourceServer),
        store.facts(task.execution_id, Instance),
        PairStore(settings.pairs_table).get([record.source_server_id for record in records]),
        held,
        jobs_since=iso(task.now - LOOK_BACK),
    )
    scope_findings = check_scope(facts.scope)
    store.put_facts(task.execution_id, scope_findings)
    blocking = tuple(f for f in scope_findings if f.severity is Severity.CRITICAL)
    changes = []
    for record in records:
        server = facts.servers[record.source_server_id]
        findings = blocking + check_server(server, execution.policies)
        seen = {
            "previous_launch": server.launch,
            "original_private_ip": server.original.private_ip if server.original else None,
        }
        changes.append(ServerChange(record, _verdict(findings) | seen))
    done = store.change_servers(task.execution_id, changes, only_from=UNDECIDED)
    return _counts(site.name, done)


def _verdict(findings: tuple[Any, ...]) -> dict[str, Any]:
    critical = [finding for finding in findings if finding.severity is Severity.CRITICAL]
    if not is_blocked(findings):
        return {"status": ServerStatus.READY, "findings": findings}
    return {
        "status": ServerStatus.BLOCKED,
        "findings": findings,
        "reason": " ".join(finding.found for finding in critical),
        "remedy": " ".join(finding.remedy for finding in critical),
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
