"""RetireRecovery: tidy up the recovery side of what is failed back and protected, in the only safe order."""

from __future__ import annotations

from typing import Any

from shared.model.policies import Mode
from shared.model.status import Protection, ServerStatus
from shared.rules.launch.polling import step_wait
from shared.services.left_overs import LeftOverRetirer
from shared.services.recovery_retirer import MayEnd, RecoveryRetirer
from shared.services.retirement import begin, retire
from shared.services.volume_removal import Removal, VolumeRemover, detached_volumes, not_known
from shared.settings import RetireSettings
from shared.store import PairStore
from shared.task import Run, task


@task(RetireSettings, freezable=True)
def handler(run: Run[RetireSettings]) -> dict[str, Any]:
    """``{executionId}`` → ``{pending, retired, failed, waitSeconds}``; pending: servers and snapshots.

    In a failover or drill: what an earlier failback, ended early, did not come to tidy up.
    """
    execution, store = run.execution, run.store
    if execution.record.cancellation is not None:
        return {"pending": 0, "retired": 0, "failed": 0, "waitSeconds": 0}
    if execution.record.mode is not Mode.FAILBACK:
        return _retire_left_overs(run)
    servers = [s for s in store.servers(run.execution_id) if s.status is ServerStatus.RECOVERED]
    protected = [server for server in servers if server.failback.protection is Protection.PROTECTED]
    pairs = PairStore(run.settings.pairs_table).get([server.source_server_id for server in servers])
    may_end = MayEnd(
        execution.policies.failback.recovery_instance_disposition,
        execution.request.terminate_instances,
        pairs,
    )
    retirer = RecoveryRetirer(run.accounts, may_end, run.now)
    result = retire(retirer, begin(store, run.execution_id, protected, run.now), run.now)
    store.change_settled(run.execution_id, result.changes)

    at_origin = [
        server for server in servers if server.failback.protection is Protection.RETIRED
    ] + result.retired
    request = execution.request
    removal = Removal(
        all_copies=request.remove_detached_volumes,
        named=request.remove_volumes,
        snapshot=execution.policies.failback.snapshot_before_removal,
    )
    store.put_facts(run.execution_id, not_known(request.remove_volumes, detached_volumes(servers, pairs)))
    remover = VolumeRemover(store, run.accounts, execution_id=run.execution_id, removal=removal, now=run.now)
    waiting = remover.settle(at_origin, pairs)
    return {
        "pending": len(result.pending) + waiting,
        "retired": len(result.retired),
        "failed": len(result.failed),
        "waitSeconds": step_wait((server.failback.retire_requested_at for server in result.pending), run.now),
    }


def _retire_left_overs(run: Run[RetireSettings]) -> dict[str, Any]:
    mode = run.execution.record.mode
    left = LeftOverRetirer(run.store, run.accounts, run.execution_id, mode, run.now).poll(
        run.settings.pairs_table
    )
    since = [server.failback.retire_requested_at for server in left.pending]
    return {
        "pending": len(left.pending),
        "retired": left.retired,
        "failed": left.remaining,
        "waitSeconds": step_wait(since, run.now),
    }
