"""PlanWaves: from checked servers to waves, jobs and an estimate, and whether to go on at all."""

from __future__ import annotations

from typing import Any

from shared.model.drs import SourceServer
from shared.model.quotas import KnownLimits
from shared.model.status import ServerStatus
from shared.model.unreadable_site import UnreadableSite
from shared.rules.waves.outcome import BlockedDecision, blocked_decision
from shared.rules.waves.wave_plan import child_name, plan_waves
from shared.settings import ConfigurationSettings
from shared.task import Run, task


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId}`` → ``{decision, waves: [{name, executionName}], ready, blocked, estimateSeconds}``.

    ``launchOrder`` is in the answer too. ``decision`` is PROCEED (in a dry run DRY_RUN), BLOCKED or
    NOTHING_TO_DO.
    """
    store, execution = run.store, run.execution
    servers = store.servers(run.execution_id)
    ready = [server for server in servers if server.status is ServerStatus.READY]
    planned = plan_waves(
        execution.plan,
        execution.policies,
        execution.record.mode,
        ready,
        {known.scope: known.limits for known in store.facts(run.execution_id, KnownLimits)},
        {source.source_server_id: source for source in store.facts(run.execution_id, SourceServer)},
    )
    store.add_to_batches(run.execution_id, [change.after for change in planned.changes])
    store.change_servers(run.execution_id, planned.changes, only_from=(ServerStatus.READY,))
    store.put_waves(run.execution_id, planned.waves)
    store.change_execution(run.execution_id, {"estimate_seconds": planned.seconds})
    unreadable = store.facts(run.execution_id, UnreadableSite)
    decision = blocked_decision(execution.policies, servers, sites=len(unreadable))
    would_proceed = decision is BlockedDecision.PROCEED
    return {
        "decision": "DRY_RUN" if execution.record.dry_run and would_proceed else decision.value,
        "waves": [
            {"name": name, "executionName": child_name(run.execution_id, name)} for name in planned.order
        ],
        "ready": len(ready),
        "blocked": sum(server.status is ServerStatus.BLOCKED for server in servers),
        "estimateSeconds": planned.seconds,
        "launchOrder": execution.policies.launch_order.value,
    }
