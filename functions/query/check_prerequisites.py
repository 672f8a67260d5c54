"""CheckPrerequisites: everything that could make a launch fail, checked before anything changes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.aws.errors import AccessDeniedError
from shared.model.drs import SourceServer
from shared.model.ec2 import Instance
from shared.model.original import ContestedOriginal
from shared.model.server import Change
from shared.model.unreadable_site import UnreadableSite
from shared.rules.checks.check import blocking
from shared.rules.checks.decision import UNDECIDED, checked, counts
from shared.rules.checks.prerequisites import check_scope, check_server
from shared.services.earlier_executions import EarlierExecutions
from shared.services.prerequisite_reader import PrerequisiteReader, Recorded
from shared.services.site_access import block_all, without_access
from shared.settings import QuerySettings
from shared.store import LockStore, OriginalStore, PairStore, PermissionStore
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
    ids = [record.source_server_id for record in records]
    earlier = EarlierExecutions(store, execution, run.text("executionArn"))
    # Before the launch settings are read: what a dead holder has put back by then is seen as put back.
    holders = earlier.holders(LockStore(settings.executions_table), ids)
    pairs = PairStore(settings.pairs_table).get(ids)
    recorded = Recorded(
        sources={s.source_server_id: s for s in seen.facts(run.execution_id, SourceServer, ids)},
        locked_by={server: holder.execution for server, holder in holders.items() if not holder.is_over},
        jobs_since=iso(run.now - JOBS_WINDOW),
        limits=seen.limits(run.execution_id, site.recovery),
        now=run.now,
        rpo_seconds=execution.plan.objectives.rpo_seconds,
        contested={c.original_instance_id: c for c in seen.facts(run.execution_id, ContestedOriginal)},
        recorded_originals=OriginalStore(settings.pairs_table).get(ids),
        last_permissions=PermissionStore(settings.pairs_table).last(site.recovery, execution.record.mode),
    )
    try:
        facts = PrerequisiteReader(run.accounts, site, settings.execution_roles).read(
            records,
            recorded,
            lambda missing: seen.facts(run.execution_id, Instance, missing),
            pairs,
            execution.record.mode,
        )
    except AccessDeniedError as error:
        return {
            "site": site.name,
            **counts(block_all(seen, run.execution_id, records, without_access(site, error))),
        }
    scope_findings = check_scope(facts.scope) if facts.scope else ()
    seen.put_facts(run.execution_id, [*scope_findings, *([facts.answer] if facts.answer else [])])
    changes = []
    for record in records:
        found = check_server(facts.servers[record.source_server_id], execution.policies)
        changes.append(Change(record, checked(record, blocking(scope_findings) + found)))
    done = seen.change_servers(run.execution_id, changes, only_from=UNDECIDED)
    return {"site": site.name, **counts(done)}
