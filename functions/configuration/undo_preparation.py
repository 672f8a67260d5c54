"""UndoPreparation: put back the launch settings that preparations of the plan have changed."""

from __future__ import annotations

from collections import Counter
from typing import Any

from shared.rules.preparation.changes import Outcome, ServerOutcome
from shared.services.preparer import Preparer
from shared.settings import ConfigurationSettings
from shared.task import Run, task


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId}`` → ``{undone, blocked, yielded}``.

    Called late, after its end, it puts nothing back: another preparation may have come after it.
    """
    store = run.store
    execution = run.execution
    sites = () if execution.record.status.is_final else execution.plan.sites
    for scope in sorted({site.recovery for site in sites}):
        preparer = Preparer(
            table_name=run.settings.executions_table,
            accounts=run.accounts,
            scope=scope,
            plan_name=execution.plan.name,
            execution_id=run.execution_id,
            now=run.now,
            record=lambda outcomes: store.put_facts(run.execution_id, outcomes),
        )
        preparer.undo()
    count = Counter(one.outcome for one in store.facts(run.execution_id, ServerOutcome))
    return {
        "undone": count[Outcome.UNDONE],
        "blocked": count[Outcome.BLOCKED],
        "yielded": count[Outcome.YIELDED],
    }
