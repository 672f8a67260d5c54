"""Reprotect: make the originals that run again replicate to the recovery side."""

from __future__ import annotations

from typing import Any

from shared.model.server import Change
from shared.model.status import Protection
from shared.rules.failback.reprotection import is_to_reprotect, reprotection_requested
from shared.rules.launch.polling import step_wait
from shared.services.reprotector import reprotect
from shared.settings import LaunchSettings
from shared.task import Run, task


@task(LaunchSettings, freezable=True)
def handler(run: Run[LaunchSettings]) -> dict[str, Any]:
    """``{executionId}`` → ``{waiting, requested, failed, waitSeconds}``."""
    store = run.store
    if store.execution(run.execution_id).cancellation is not None:
        return {"waiting": 0, "requested": 0, "failed": 0, "waitSeconds": 0}
    listed = [server for server in store.servers(run.execution_id) if is_to_reprotect(server)]
    first = [Change(s, reprotection_requested(s, run.now)) for s in listed if s.failback.protection is None]
    servers = [server for server in listed if server.failback.protection is not None]
    servers += store.change_settled(run.execution_id, first)
    changes: list[Change] = []
    for scope in sorted({server.scope for server in servers}):
        members = [server for server in servers if server.scope == scope]
        changes += reprotect(run.accounts, scope, members, run.now)
    done = store.change_settled(run.execution_id, changes)
    requested = sum(server.failback.protection is Protection.RESCANNING for server in done)
    decided = {change.before.source_server_id for change in changes}
    waiting = [server for server in servers if server.source_server_id not in decided]
    return {
        "waiting": len(waiting),
        "requested": requested,
        "failed": len(done) - requested,
        "waitSeconds": step_wait((server.failback.reprotect_requested_at for server in waiting), run.now),
    }
