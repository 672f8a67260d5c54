"""Calls back the tasks that wait in a scope: batches for slots, waves for their jobs.

Callbacks are hints; the task re-reads DRS. A second one is harmless, and one that is lost costs the time
until the task's own poll.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.aws.step_functions import answer
from shared.model.scope import Scope
from shared.rules.waves.slots import Claim, in_line
from shared.store import ClaimStore, ExecutionStore, Waiter, WaiterStore


def resume_waiting_batches(store: ExecutionStore, scope: Scope) -> None:
    """There may be slots in the scope, or a pause has ended.

    Resumes the first batch in line that can be resumed, which resumes the next if that fits, too; and every
    batch without a claim, since that waits for something else.
    """
    waiters = WaiterStore(store.table_name, scope)
    waiting = {_key(waiter): waiter for waiter in waiters.for_slot()}
    if not waiting:
        return
    line = in_line(ClaimStore(store.table_name, scope).all())
    claimed = [waiting.pop(claim.key) for claim in line if claim.key in waiting]
    for waiter in waiting.values():
        _resume(waiters, waiter)
    for waiter in claimed:
        if _resume(waiters, waiter):
            return


def resume_batches(store: ExecutionStore, scope: Scope, claims: Sequence[Claim]) -> None:
    """Resume the batches of these claims, where they wait."""
    if not claims:
        return
    waiters = WaiterStore(store.table_name, scope)
    wanted = {claim.key for claim in claims}
    for waiter in waiters.for_slot():
        if _key(waiter) in wanted:
            _resume(waiters, waiter)


def resume_waves(store: ExecutionStore, scope: Scope, job_id: str) -> None:
    """Resume the waves that wait for a job: it is, or soon will be, at its end."""
    waiters = WaiterStore(store.table_name, scope)
    for waiter in waiters.for_job(job_id):
        _resume(waiters, waiter)


def _resume(waiters: WaiterStore, waiter: Waiter) -> bool:
    resumed = answer(waiter.task_token, {"resumed": True})
    waiters.remove(waiter)
    return resumed


def _key(waiter: Waiter) -> tuple[str, str, int]:
    return (waiter.execution_id, waiter.wave, waiter.batch or 0)
