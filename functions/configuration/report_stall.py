"""ReportStall: tell the operators which servers are stalled and what to do, once for each stall."""

from __future__ import annotations

from typing import Any

from shared.aws.sns import notify
from shared.model.server import ServerChange
from shared.services.opened_execution import opened
from shared.settings import ConfigurationSettings
from shared.store import execution_store
from shared.task import Task, task


@task
def handler(task: Task) -> dict[str, Any]:
    """``{executionId}`` → ``{reported}``."""
    settings = ConfigurationSettings.from_env()
    store = execution_store(settings.executions_table)
    execution = opened(store, task.execution_id)
    stalled = [
        server
        for server in store.servers(task.execution_id)
        if server.stalled_since is not None and not server.stall_reported and not server.status.is_final
    ]
    # Marked first: a repeated call must not tell it twice, and the report holds it in any case.
    told = store.change_servers(
        task.execution_id, [ServerChange(server, {"stall_reported": True}) for server in stalled]
    )
    if told:
        notify(
            settings.topic_arn,
            f"{execution.plan.name}: the replication of {len(told)} servers is stalled",
            f"Execution {task.execution_id} waits for the replication to the origin. Stalled:\n"
            + "\n".join(f"{s.name} since {s.stalled_since}: {s.reason} → {s.remedy}" for s in told),
        )
    return {"reported": len(told)}
