"""ReportStall: notify the operators which servers are stalled and what to do, once for each stall."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shared.aws.sns import notify
from shared.model.server import Change
from shared.settings import ConfigurationSettings
from shared.task import Run, task


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId}`` → ``{reported}``."""
    store = run.store
    execution = run.execution
    stalled = [
        server
        for server in store.servers(run.execution_id)
        if server.failback.stalled_since is not None
        and not server.failback.stall_reported
        and not server.status.is_final
    ]
    # Marked first: a repeated call must not notify twice, and the report has it in any case.
    changes = [
        Change(server, replace(server, failback=replace(server.failback, stall_reported=True)))
        for server in stalled
    ]
    marked = store.change_servers(run.execution_id, changes)
    if marked:
        notify(
            run.settings.topic_arn,
            f"{execution.plan.name}: the replication of {len(marked)} servers is stalled",
            f"Execution {run.execution_id} waits for the replication to the origin. Stalled:\n"
            + "\n".join(
                f"{s.name} since {s.failback.stalled_since}: {s.reason} → {s.remedy}" for s in marked
            ),
        )
    return {"reported": len(marked)}
