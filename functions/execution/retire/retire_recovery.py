"""RetireRecovery: tidy up the recovery side of what is home and protected, in the only safe order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.model.server import ServerChange, ServerRecord
from shared.model.status import Protection, ServerStatus
from shared.rules.launch.polling import step_wait
from shared.services.recovery_retirer import Progress, RecoveryRetirer
from shared.services.volume_removal import VolumeRemover
from shared.settings import ExecutionSettings
from shared.store import PairStore
from shared.task import Run, task
from shared.times import iso, parse_time

TIMEOUT = timedelta(minutes=30)
"""How long DRS and EC2 may hold a step up; the servers are home and protected all the while."""
ROUNDS = 8
"""A server needs up to seven calls one after the other; most follow each other at once."""


@task(ExecutionSettings)
def handler(run: Run[ExecutionSettings]) -> dict[str, Any]:
    """``{executionId}`` → ``{pending, retired, failed, waitSeconds}``."""
    store = run.store
    execution = run.execution
    if execution.record.cancellation is not None:
        return {"pending": 0, "retired": 0, "failed": 0, "waitSeconds": 0}
    accounts = run.accounts
    servers = [s for s in store.servers(run.execution_id) if s.status is ServerStatus.RECOVERED]
    left = [server for server in servers if server.protection is Protection.PROTECTED]
    asked = [
        ServerChange(server, {"retire_requested_at": iso(run.now)})
        for server in left
        if server.retire_requested_at is None
    ]
    begun = {server.source_server_id: server for server in store.change_settled(run.execution_id, asked)}
    left = [begun.get(server.source_server_id, server) for server in left]

    retirer = RecoveryRetirer(accounts, execution.policies.failback.recovery_instance_disposition, run.now)
    progress: dict[str, Progress] = {}
    active = left
    for _ in range(ROUNDS):
        if not active:
            break
        progress |= retirer.round(active)
        active = [server for server in active if progress[server.source_server_id].acted]
    changes = [
        ServerChange(server, _values(server, progress[server.source_server_id], run)) for server in left
    ]
    store.change_settled(run.execution_id, [change for change in changes if change.values])

    retired = [c.server for c in changes if c.values.get("protection") is Protection.RETIRED]
    failed = [c.server for c in changes if "protection_reason" in c.values and c.server not in retired]
    pending = [server for server in left if server not in retired and server not in failed]
    home = [server for server in servers if server.protection is Protection.RETIRED] + retired
    VolumeRemover(
        store,
        accounts,
        execution_id=run.execution_id,
        remove=execution.request.remove_detached_volumes,
        now=run.now,
    ).settle(home, PairStore(run.settings.pairs_table).get([server.source_server_id for server in home]))
    return {
        "pending": len(pending),
        "retired": len(retired),
        "failed": len(failed),
        "waitSeconds": step_wait((server.retire_requested_at for server in pending), run.now),
    }


def _values(server: ServerRecord, progress: Progress, run: Run[Any]) -> dict[str, Any]:
    """What to record: nothing while the recovery side may still be tidied up."""
    if progress.done:
        return {
            "protection": Protection.RETIRED,
            "retired_at": iso(run.now),
            "protection_reason": None,
            "protection_remedy": None,
        }
    late = run.now - parse_time(server.retire_requested_at) > TIMEOUT
    if not (progress.hopeless or late):
        return {}
    issue = progress.issue
    return {
        "protection_reason": "The recovery side was not tidied up: "
        f"{issue.found if issue else f'it took over {TIMEOUT}.'}",
        "protection_remedy": issue.remedy if issue else "Run the failback again: it goes on from there.",
    }
