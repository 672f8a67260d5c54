"""UndoPreparation: put back the launch settings that preparations of the plan have changed."""

from __future__ import annotations

from collections import Counter
from typing import Any

from shared.aws.cross_account import member_accounts
from shared.rules.preparation.changes import Outcome, ServerOutcome
from shared.services.opened_execution import opened
from shared.services.preparer import Preparer
from shared.settings import ConfigurationSettings
from shared.store import execution_store
from shared.task import Task, task


@task
def handler(task: Task) -> dict[str, Any]:
    """``{executionId}`` → ``{undone, blocked, yielded}``.

    Called late, after its end, it puts nothing back: another preparation may have come after it.
    """
    settings = ConfigurationSettings.from_env()
    store = execution_store(settings.executions_table)
    execution = opened(store, task.execution_id)
    sites = () if execution.record.status.is_final else execution.plan.sites
    for scope in sorted({site.recovery for site in sites}):
        preparer = Preparer(
            table_name=settings.executions_table,
            accounts=member_accounts(settings.member_role, settings.external_id),
            scope=scope,
            plan_name=execution.plan.name,
            execution_id=task.execution_id,
            now=task.now,
            tell=lambda outcomes: store.put_facts(task.execution_id, outcomes),
        )
        preparer.undo()
    count = Counter(one.outcome for one in store.facts(task.execution_id, ServerOutcome))
    return {
        "undone": count[Outcome.UNDONE],
        "blocked": count[Outcome.BLOCKED],
        "yielded": count[Outcome.YIELDED],
    }
