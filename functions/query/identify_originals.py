"""IdentifyOriginals: which original each recovered server came from, and how far its failback is."""

from __future__ import annotations

from typing import Any

from shared.aws.quotas import QuotasClient
from shared.model.status import ServerStatus
from shared.rules.checks.identified_record import is_asked_for
from shared.rules.plan.discovery import is_of_site
from shared.rules.plan.selection import select
from shared.services.asked_for import asked_for
from shared.services.earlier_executions import EarlierExecutions
from shared.services.original_identification import OriginalIdentification
from shared.services.original_reader import OriginalReader
from shared.services.recorded_originals import known
from shared.settings import QuerySettings
from shared.task import Run, task


@task(QuerySettings)
def handler(run: Run[QuerySettings]) -> dict[str, Any]:
    """``{executionId, executionArn, site}`` → ``{site, servers, identified, blocked}``."""
    store, execution, site, settings = run.store, run.execution, run.site, run.settings
    request = execution.request
    reader = OriginalReader(run.accounts, site)
    in_scope = reader.source_servers()
    listed = [server for server in in_scope if is_of_site(server, site)]
    selection = select(listed, execution.plan)
    earlier = EarlierExecutions(store, execution, run.text("executionArn"))
    identification = OriginalIdentification(store, execution, site, selection, earlier, run.now)
    is_named = asked_for(store, request)
    facts = reader.read(
        [server for server in listed if identification.is_wanted(server) and is_named(server)],
        known(settings.pairs_table, site.recovery, in_scope, run.now),
        request.confirmed_originals,
        earlier,
        identification.earlier_failbacks(),
        execution.policies.failback.stop_workload,
        run.now,
    )
    asked = request.recovery_instance_ids
    facts = {server_id: fact for server_id, fact in facts.items() if is_asked_for(fact, asked)}
    records = identification.records(facts) + [
        record for record in identification.missing(listed) if is_named(record)
    ]
    limits = QuotasClient(run.accounts, site.origin).limits(settings.limits)
    seen = ((fact.server, fact.reversed_server, fact.workload, fact.original) for fact in facts.values())
    observed = [one for some in seen for one in some if one is not None]
    store.put_facts(run.execution_id, [*observed, limits])
    store.put_servers(run.execution_id, records)
    blocked = sum(record.status is ServerStatus.BLOCKED for record in records)
    return {
        "site": site.name,
        "servers": len(records),
        "identified": len(records) - blocked,
        "blocked": blocked,
    }
