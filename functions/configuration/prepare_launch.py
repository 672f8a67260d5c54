"""PrepareLaunch: make DRS launch every server into its pair, now, so that a failover finds it done."""

from __future__ import annotations

from collections import Counter
from typing import Any

from shared.model.status import ServerStatus
from shared.rules.preparation.changes import Outcome, ServerOutcome
from shared.services.preparer import Preparer
from shared.settings import ConfigurationSettings
from shared.task import Run, task


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId}`` → ``{prepared, alreadyRight, blocked, yielded}``: of those that passed the checks.

    Called late, after the preparation's end, it writes nothing: another one may have undone it.
    """
    store = run.store
    execution = run.execution
    servers = [] if execution.record.status.is_final else store.servers(run.execution_id)
    ready = [server for server in servers if server.status is ServerStatus.READY]
    for scope in sorted({server.scope for server in ready}):
        preparer = Preparer(
            table_name=run.settings.executions_table,
            accounts=run.accounts,
            scope=scope,
            plan_name=execution.plan.name,
            execution_id=run.execution_id,
            now=run.now,
            record=lambda outcomes: store.put_facts(run.execution_id, outcomes),
        )
        preparer.prepare([s for s in ready if s.scope == scope], execution.policies.recovery_mode)
    count = Counter(one.outcome for one in store.facts(run.execution_id, ServerOutcome))
    return {
        "prepared": count[Outcome.PREPARED],
        "alreadyRight": count[Outcome.ALREADY_RIGHT],
        "blocked": count[Outcome.BLOCKED],
        "yielded": count[Outcome.YIELDED],
    }
