"""ReverseReplication: let DRS replicate from the recovery side to the origin, once for each server."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shared.model.server import Change, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.launch.polling import step_wait
from shared.services.replication_reverser import ReplicationReverser
from shared.settings import LaunchSettings
from shared.task import Run, task
from shared.times import iso

AGENT_STEP = 30
"""Seconds between two polls at least: up to 50 sites share the history of one execution."""
OPEN = (ServerStatus.READY, ServerStatus.REVERSING)


@task(LaunchSettings, freezable=True)
def handler(run: Run[LaunchSettings]) -> dict[str, Any]:
    """``{executionId, site}`` → ``{site, reversed, waiting, failed, waitSeconds}``."""
    store, execution, site = run.store, run.execution, run.site
    if execution.record.cancellation is not None:
        return {"site": site.name, "reversed": 0, "waiting": 0, "failed": 0, "waitSeconds": 0}
    listed = [s for s in store.servers(run.execution_id) if s.site == site.name and s.status in OPEN]
    # Recorded before the call: from here on a repeated call reads DRS first.
    begun = [Change(server, _begun(server, iso(run.now))) for server in listed]
    servers = store.change_servers(run.execution_id, begun, only_from=OPEN)
    reversing = [server for server in servers if server.status is ServerStatus.REVERSING]
    reverser = ReplicationReverser(run.accounts, site, run.now)
    after = reverser.reverse(reversing, tag_originals=execution.policies.failback.tag_originals)
    changes = [Change(server, after[server.source_server_id]) for server in reversing]
    done = store.change_servers(
        run.execution_id,
        [change for change in changes if change.values],
        only_from=(ServerStatus.REVERSING,),
    )
    failed = sum(server.status is ServerStatus.FAILED for server in done)
    replicating = sum(server.status is ServerStatus.REPLICATING for server in done)
    return {
        "site": site.name,
        "reversed": len(servers) - len(reversing) + replicating,
        "waiting": len(reversing) - replicating - failed,
        "failed": failed,
        "waitSeconds": max(
            AGENT_STEP, step_wait((s.failback.reverse_requested_at for s in reversing), run.now)
        ),
    }


def _begun(server: ServerRecord, now: str) -> ServerRecord:
    """A server that an earlier execution has launched, or is launching, needs no copy any more."""
    if server.adoption is not None:
        return replace(
            server,
            status=ServerStatus.REPLICATED,
            failback=replace(server.failback, replicated_at=server.failback.replicated_at or now),
        )
    since = server.failback.reverse_requested_at or now
    return replace(
        server, status=ServerStatus.REVERSING, failback=replace(server.failback, reverse_requested_at=since)
    )
