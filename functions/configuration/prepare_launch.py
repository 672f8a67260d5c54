"""PrepareLaunch: make DRS launch every server into its pair, now, so that a failover finds it done."""

from __future__ import annotations

from collections import Counter
from typing import Any

from shared.aws.cross_account import member_accounts
from shared.model.status import ServerStatus
from shared.rules.preparation.changes import Outcome, ServerOutcome
from shared.services.opened_execution import opened
from shared.services.preparer import Preparer
from shared.settings import ConfigurationSettings
from shared.store import execution_store
from shared.task import Task, task


@task
def handler(task: Task) -> dict[str, Any]:
    """``{executionId}`` → ``{prepared, alreadyRight, blocked, yielded}``: of those that passed the checks.

    Called late, after the preparation's end, it writes nothing: another one may have undone it.
    """
    settings = ConfigurationSettings.from_env()
    store = execution_store(settings.executions_table)
    execution = opened(store, task.execution_id)
    servers = [] if execution.record.status.is_final else store.servers(task.execution_id)
    ready = [server for server in servers if server.status is ServerStatus.READY]
    for scope in sorted({server.scope for server in ready}):
        preparer = Preparer(
            table_name=settings.executions_table,
            accounts=member_accounts(settings.member_role, settings.external_id),
            scope=scope,
            plan_name=execution.plan.name,
            execution_id=task.execution_id,
            now=task.now,
            tell=lambda outcomes: store.put_facts(task.execution_id, outcomes),
        )
        preparer.prepare([s for s in ready if s.scope == scope], execution.policies.recovery_mode)
    count = Counter(one.outcome for one in store.facts(task.execution_id, ServerOutcome))
    return {
        "prepared": count[Outcome.PREPARED],
        "alreadyRight": count[Outcome.ALREADY_RIGHT],
        "blocked": count[Outcome.BLOCKED],
        "yielded": count[Outcome.YIELDED],
    }
