"""CheckReversePrerequisites: everything that could make a failback fail, before anything changes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.aws.errors import AccessDeniedError
from shared.model.drs import SourceServer
from shared.model.server import Change
from shared.model.unreadable_site import UnreadableSite
from shared.rules.checks.decision import UNDECIDED, checked, counts
from shared.rules.checks.reverse_findings import clashes_of, findings_of, unknown_instances
from shared.rules.checks.reverse_prerequisites import check_origin_scope, check_reverse_server
from shared.services.earlier_executions import EarlierExecutions
from shared.services.prerequisite_reader import Recorded
from shared.services.reverse_prerequisite_reader import ReversePrerequisiteReader
from shared.services.site_access import block_all, without_access
from shared.settings import QuerySettings
from shared.store import LockStore, PermissionStore
from shared.task import Run, task
from shared.times import iso

JOBS_WINDOW = timedelta(days=1)
"""How long ago a job may have begun and still run."""


@task(QuerySettings)
def handler(run: Run[QuerySettings]) -> dict[str, Any]:
    """``{executionId, executionArn, site}`` → ``{site, ready, blocked, warnings}``."""
    settings, store, execution, site = run.settings, run.store, run.execution, run.site
    seen = run.findings
    servers = seen.servers(run.execution_id)
    records = [server for server in servers if server.site == site.name and server.status in UNDECIDED]
    if any(fact.site == site.name for fact in seen.facts(run.execution_id, UnreadableSite)):
        return {"site": site.name, **counts([])}
    earlier = EarlierExecutions(store, execution, run.text("executionArn"))
    ids = [record.source_server_id for record in records]
    holders = earlier.holders(LockStore(settings.executions_table), ids)
    recorded = Recorded(
        sources={source.source_server_id: source for source in seen.facts(run.execution_id, SourceServer)},
        locked_by={key: holder.execution for key, holder in holders.items() if not holder.is_over},
        jobs_since=iso(run.now - JOBS_WINDOW),
        now=run.now,
        limits=seen.limits(run.execution_id, site.origin),
        last_permissions=PermissionStore(settings.pairs_table).last(site.origin, execution.record.mode),
    )
    reader = ReversePrerequisiteReader(run.accounts, site, settings.execution_roles)
    try:
        facts = reader.read(records, recorded)
    except AccessDeniedError as error:
        return {
            "site": site.name,
            **counts(block_all(seen, run.execution_id, records, without_access(site, error))),
        }
    scope_findings = check_origin_scope(facts.scope) if facts.scope else ()
    unknown = unknown_instances(execution.request.recovery_instance_ids, servers)
    seen.put_facts(run.execution_id, [*scope_findings, *unknown, *([facts.answer] if facts.answer else [])])
    clashes = clashes_of(servers)
    changes = []
    for record in records:
        server_id = record.source_server_id
        found = check_reverse_server(facts.servers[server_id], execution.policies)
        findings = findings_of(record, found, scope_findings, clashes.get(server_id))
        changes.append(Change(record, checked(record, findings)))
    done = seen.change_servers(run.execution_id, changes, only_from=UNDECIDED)
    return {"site": site.name, **counts(done)}
