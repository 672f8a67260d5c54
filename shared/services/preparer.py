"""Writes launch settings ahead of time, and back: never of a server that is locked, or in a job.

Executions take precedence. So before every few servers their locks are read again. A preparation locks no
server and no plan itself, and so delays no execution.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.aws.cross_account import MemberAccounts
from shared.aws.drs_client import DrsClient
from shared.aws.errors import AwsCallError, AwsUnavailableError, ThrottledError
from shared.aws.rate_limits import in_parallel
from shared.aws.step_functions import has_ended
from shared.model.drs import LaunchSettings
from shared.model.policies import RecoveryMode
from shared.model.scope import Scope
from shared.model.server import ServerRecord
from shared.rules.drs.drs_job_monitor import servers_in_progress
from shared.rules.launch.launch_changes import (
    Step,
    changes_to_launch_into,
    changes_to_restore,
    launching_into,
)
from shared.rules.preparation.changes import (
    Outcome,
    Preparation,
    ServerOutcome,
    changed_since,
    previous_settings,
    undone,
)
from shared.rules.preparation.report import YIELDS
from shared.services.launch_settings import read_launch_settings
from shared.store import ExecutionStore, LockStore, plan_lock, preparation_lock, server_lock
from shared.store.preparations import PreparationStore
from shared.times import iso

AT_ONCE = 20
JOBS_WINDOW = timedelta(days=1)
"""How long ago a job may have begun and still run."""


class PreparationInProgressError(Exception):
    """Another preparation of the same plan runs."""


def lock_preparation(store: ExecutionStore, plan_name: str, execution_id: str, arn: str) -> None:
    """Lock the plan against other preparations. Raises PreparationInProgressError."""
    locks, lock = LockStore(store.table_name), preparation_lock(plan_name)
    siblings = arn.rsplit(":", 1)[0]
    for holder in locks.take([lock], execution_id, lambda holder: has_ended(f"{siblings}:{holder}")).values():
        raise PreparationInProgressError(
            f"The preparation {holder} of plan {plan_name!r} runs. Wait for its end, and start again."
        )
    # If it was called late, no other task would release the lock.
    if store.execution(execution_id).status.is_final:
        locks.release([lock], execution_id)


@dataclass(frozen=True, slots=True)
class _Work:
    """What to do to one server. ``remember``: None, to forget it."""

    source_server_id: str
    name: str
    steps: tuple[Step, ...]
    remember: Preparation | None
    done: ServerOutcome


class Preparer:
    """Prepares, or undoes that, in one scope for one plan. ``record`` takes the outcomes of some servers."""

    def __init__(
        self,
        table_name: str,
        accounts: MemberAccounts,
        scope: Scope,
        plan_name: str,
        execution_id: str,
        now: datetime,
        record: Callable[[list[ServerOutcome]], None],
    ) -> None:
        self._record = record
        self._drs = DrsClient(accounts, scope)
        self._scope = scope
        self._plan = plan_name
        self._id = execution_id
        self._now = now
        self._locks = LockStore(table_name)
        self._preparations = PreparationStore(table_name, scope)

    def prepare(self, servers: Sequence[ServerRecord], mode: RecoveryMode) -> None:
        """Make the settings of servers that passed the checks right. Repeating it is harmless."""
        known = self._preparations.all()
        settings = self._settings([server.source_server_id for server in servers])
        work, outcomes = [], []
        for server, current in zip(servers, settings, strict=True):
            if isinstance(current, LaunchSettings):
                work.append(self._to_prepare(server, current, known.get(server.source_server_id), mode))
            else:
                outcomes.append(_refused(server.source_server_id, server.name, current))
        self._record(outcomes)
        self._carry_out(work)

    def undo(self) -> None:
        """Put back what preparations of this plan have changed, unless it was changed since."""
        known = [one for one in self._preparations.all().values() if one.plan_name == self._plan]
        settings = self._settings([one.source_server_id for one in known])
        work, outcomes = [], []
        for one, current in zip(known, settings, strict=True):
            if isinstance(current, LaunchSettings):
                work.append(self._to_undo(one, current))
            else:
                outcomes.append(_refused(one.source_server_id, one.name, current))
        self._record(outcomes)
        self._carry_out(work)

    def _to_prepare(
        self, server: ServerRecord, current: LaunchSettings, known: Preparation | None, mode: RecoveryMode
    ) -> _Work:
        server_id, instance = server.source_server_id, server.pair_instance_id or ""
        if known and known.done and known.prepared_by == self._id and not changed_since(known, current):
            # An earlier attempt of this very call did it.
            done = ServerOutcome(server_id, server.name, Outcome.PREPARED)
            return _Work(server_id, server.name, (), known, done)
        steps = changes_to_launch_into(current, instance, mode)
        changed = changed_since(known, current)
        remember = known
        if steps or (known is not None and (changed or not known.done)):
            remember = Preparation(
                source_server_id=server_id,
                name=server.name,
                scope=self._scope,
                plan_name=self._plan,
                previous=previous_settings(known, current),
                prepared=launching_into(current, instance, mode),
                prepared_by=self._id,
                prepared_at=iso(self._now),
            )
        outcome = Outcome.PREPARED if steps else Outcome.ALREADY_RIGHT
        done = ServerOutcome(server_id, server.name, outcome, changed_since=changed)
        return _Work(server_id, server.name, steps, remember, done)

    def _to_undo(self, known: Preparation, current: LaunchSettings) -> _Work:
        wanted = undone(known, current)
        done = ServerOutcome(
            known.source_server_id,
            known.name,
            Outcome.UNDONE,
            changed_since=changed_since(known, current),
        )
        steps = () if wanted == current else changes_to_restore(wanted)
        return _Work(known.source_server_id, known.name, steps, None, done)

    def _carry_out(self, work: Sequence[_Work]) -> None:
        in_jobs = self._in_jobs() if any(one.steps for one in work) else set()
        for start in range(0, len(work), AT_ONCE):
            some = work[start : start + AT_ONCE]
            locked = self._locked(some)
            free, yielded = [], []
            for one in some:
                holder = locked.get(one.source_server_id)
                if not one.steps or (holder is None and one.source_server_id not in in_jobs):
                    free.append(one)
                else:
                    yielded.append(_yielded(one, holder))
            self._record(yielded)
            self._write(free)

    def _write(self, work: Sequence[_Work]) -> None:
        # Recorded before the call: what a preparation that dies may have changed can be put back.
        self._preparations.put(one.remember for one in work if one.remember and one.steps)
        answers = in_parallel(
            self._update,
            work,
            api="UpdateLaunchConfiguration",
            scope=lambda one: self._scope,
            calls=lambda one: len(one.steps),
        )
        done = [one for one, error in zip(work, answers, strict=True) if error is None]
        self._preparations.put(replace(one.remember, done=True) for one in done if one.remember)
        self._record(
            [
                one.done if error is None else _refused(one.source_server_id, one.name, error)
                for one, error in zip(work, answers, strict=True)
            ]
        )
        self._preparations.forget(one.source_server_id for one in done if one.done.outcome is Outcome.UNDONE)

    def _update(self, work: _Work) -> AwsCallError | None:
        try:
            for step in work.steps:
                self._drs.update_launch_settings(work.source_server_id, step)
        except (ThrottledError, AwsUnavailableError):
            raise
        except AwsCallError as error:
            return error
        return None

    def _settings(self, server_ids: Sequence[str]) -> list[LaunchSettings | AwsCallError]:
        return read_launch_settings(lambda scope: self._drs, [(self._scope, one) for one in server_ids])

    def _in_jobs(self) -> set[str]:
        return set(servers_in_progress(self._drs.jobs_since(iso(self._now - JOBS_WINDOW))))

    def _locked(self, work: Sequence[_Work]) -> Mapping[str, str]:
        """The execution that holds each server, or the whole plan."""
        plan = plan_lock(self._plan)
        locks = {one.source_server_id: server_lock(one.source_server_id) for one in work if one.steps}
        holders = self._locks.holders([plan, *locks.values()]) if locks else {}
        return {
            server_id: holder
            for server_id, lock in locks.items()
            if (holder := holders.get(lock) or holders.get(plan))
        }


def _yielded(work: _Work, holder: str | None) -> ServerOutcome:
    by = f"The execution {holder} holds it" if holder else "A DRS job holds it"
    return ServerOutcome(
        work.source_server_id,
        work.name,
        Outcome.YIELDED,
        "SERVER_LOCKED" if holder else "SERVER_BUSY",
        f"{by}; its launch settings were left alone.",
        YIELDS,
        work.done.changed_since,
    )


def _refused(server_id: str, name: str, error: AwsCallError) -> ServerOutcome:
    return ServerOutcome(server_id, name, Outcome.BLOCKED, error.code, str(error), error.explanation.remedy)
