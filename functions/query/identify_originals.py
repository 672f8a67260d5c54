"""IdentifyOriginals: which original each recovered server came from, and how far its failback is."""

from __future__ import annotations

from typing import Any

from shared.aws.errors import AccessDeniedError
from shared.aws.quotas import QuotasClient
from shared.model.status import ServerStatus
from shared.services.earlier_executions import EarlierExecutions
from shared.services.site_access import without_access
from shared.services.site_originals import SiteIdentifier
from shared.settings import QuerySettings
from shared.task import Run, task


@task(QuerySettings)
def handler(run: Run[QuerySettings]) -> dict[str, Any]:
    """``{executionId, executionArn, site}`` → ``{site, servers, identified, blocked}``.

    A site of which one side denies access has none, and is recorded as such: the others go on.
    """
    try:
        return _identified(run)
    except AccessDeniedError as error:
        run.findings.put_facts(run.execution_id, [without_access(run.site, error)])
        return {"site": run.site.name, "servers": 0, "identified": 0, "blocked": 0}


def _identified(run: Run[QuerySettings]) -> dict[str, Any]:
    store, execution, site, settings = run.store, run.execution, run.site, run.settings
    earlier = EarlierExecutions(store, execution, run.text("executionArn"))
    identifier = SiteIdentifier(store, settings.pairs_table, run.accounts, execution, earlier, run.now)
    found = identifier.identify(site)
    facts, records = found.facts, found.records
    limits = QuotasClient(run.accounts, site.origin).limits(settings.limits)
    seen = ((fact.server, fact.reversed_server, fact.workload, fact.original) for fact in facts.values())
    observed = [one for some in seen for one in some if one is not None]
    run.findings.put_facts(run.execution_id, [*observed, limits])
    run.findings.put_servers(run.execution_id, records)
    blocked = sum(record.status is ServerStatus.BLOCKED for record in records)
    return {
        "site": site.name,
        "servers": len(records),
        "identified": len(records) - blocked,
        "blocked": blocked,
    }
