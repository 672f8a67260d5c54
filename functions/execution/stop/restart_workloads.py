"""RestartWorkloads: a server that does not fail back continues where it was.

Its original is stopped first, if it runs; only then does the workload instance start again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shared.model.server import Change
from shared.rules.failback.workload_restart import (
    has_restarted,
    hopeless,
    is_to_restart,
    not_restarted,
    restarted,
)
from shared.rules.failback.workloads import by_workload_scope
from shared.services.workload_instances import originals, restart_workloads, workloads
from shared.settings import StopSettings
from shared.task import Run, task
from shared.times import iso


@task(StopSettings)
def handler(run: Run[StopSettings]) -> dict[str, Any]:
    """``{executionId, wave}`` → ``{returning, returned, failed}``."""
    servers = [server for server in run.store.servers(run.execution_id, run.wave) if is_to_restart(server)]
    requested = [
        Change(
            server,
            replace(server, failback=replace(server.failback, workload_return_requested_at=iso(run.now))),
        )
        for server in servers
        if server.failback.workload_return_requested_at is None
    ]
    run.store.change_settled(run.execution_id, requested)
    origin = originals(run.accounts, servers)
    returning = returned = failed = 0
    changes: list[Change] = []
    for scope, members in by_workload_scope(servers):
        work = workloads(run.accounts, scope, members)
        back = [s for s in members if has_restarted(work[s.source_server_id], origin[s.source_server_id])]
        away = [server for server in members if server not in back]
        refused = restart_workloads(run.accounts, away, work, origin)
        lost = []
        for server in away:
            server_id = server.source_server_id
            error = refused.get(server_id, "")
            if why := hopeless(server, work[server_id], origin[server_id], error, run.now):
                lost.append(Change(server, not_restarted(server, work[server_id], why)))
        changes += [Change(server, restarted(server, run.now)) for server in back] + lost
        returned += len(back)
        failed += len(lost)
        returning += len(away) - len(lost)
    run.store.change_settled(run.execution_id, changes)
    return {"returning": returning, "returned": returned, "failed": failed}
