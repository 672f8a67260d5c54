"""Puts launch settings back: of servers that were not launched with ours, and after a drill of all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from aws_lambda_powertools import Logger

from shared.aws.cross_account import MemberAccounts
from shared.aws.drs_client import DrsClient
from shared.aws.errors import AwsCallError
from shared.aws.rate_limits import in_parallel
from shared.model.policies import Mode
from shared.model.server import ServerRecord
from shared.rules.closure.launch_settings import is_to_be_restored
from shared.rules.drs.drs_job_monitor import servers_in_progress
from shared.rules.launch.launch_changes import changes_to_restore
from shared.store import ExecutionNotFoundError, ExecutionStore, LockStore, server_lock
from shared.times import iso

AT_ONCE = 10
JOBS_WINDOW = timedelta(days=1)
"""How long ago a job may have begun and still run."""

logger = Logger(child=True)


class LaunchRestorer:
    """Restores the servers of one execution. Repeating it is harmless."""

    def __init__(
        self, store: ExecutionStore, accounts: MemberAccounts, execution_id: str, now: datetime
    ) -> None:
        self._store = store
        self._id = execution_id
        self._now = now
        self._accounts = accounts
        self._locks = LockStore(store.table_name)

    def restore(self) -> tuple[int, int]:
        """Returns how many servers were restored, and how many could not be.

        A server in a job is left as it is: the job may launch it yet, by the settings it has now. So is one
        that another execution has locked: that execution has taken over what is to be restored.
        """
        mode = self._mode()
        servers = [s for s in self._store.servers(self._id) if is_to_be_restored(s, mode)]
        if mode is not Mode.DRILL:
            # Jobs are not awaited here: one whose end was not seen may have launched a server.
            ended = {job.job_id for job in self._store.jobs(self._id) if job.status == "COMPLETED"}
            servers = [s for s in servers if s.job_id is None or s.job_id in ended or s.drill.cleaned_up_at]
        restored: list[ServerRecord] = []
        lost = self._taken_over(servers)
        free = self._not_in_jobs([server for server in servers if server not in lost])
        for start in range(0, len(free), AT_ONCE):
            some = free[start : start + AT_ONCE]
            # Read again right before: another execution may have begun meanwhile.
            lost += self._taken_over(some)
            mine = [server for server in some if server not in lost]
            results = in_parallel(
                self._restore,
                mine,
                api="UpdateLaunchConfiguration",
                scope=lambda server: server.scope,
                calls=lambda server: 2,
            )
            restored += [server for server, done in zip(mine, results, strict=True) if done]
        self._store.settle_launch_settings(self._id, [*restored, *lost])
        return len(restored), len(servers) - len(restored) - len(lost)

    def _mode(self) -> Mode:
        try:
            return self._store.execution(self._id).mode
        except ExecutionNotFoundError:
            return Mode.FAILOVER

    def _taken_over(self, servers: Sequence[ServerRecord]) -> list[ServerRecord]:
        locks = {server.source_server_id: server_lock(server.source_server_id) for server in servers}
        holders = self._locks.holders(list(locks.values()))
        return [s for s in servers if holders.get(locks[s.source_server_id], self._id) != self._id]

    def _not_in_jobs(self, servers: Sequence[ServerRecord]) -> list[ServerRecord]:
        free: list[ServerRecord] = []
        for scope in sorted({server.scope for server in servers}):
            try:
                jobs = DrsClient(self._accounts, scope).jobs_since(iso(self._now - JOBS_WINDOW))
            except AwsCallError:
                logger.exception("jobs not seen, launch settings not restored", extra={"scope": str(scope)})
                continue
            in_jobs = servers_in_progress(jobs)
            free += [s for s in servers if s.scope == scope and s.drs_server_id not in in_jobs]
        return free

    def _restore(self, server: ServerRecord) -> bool:
        if server.previous_launch is None:
            return False
        try:
            for step in changes_to_restore(server.previous_launch):
                DrsClient(self._accounts, server.scope).update_launch_settings(server.drs_server_id, step)
        except AwsCallError:
            logger.exception("launch settings not restored", extra={"server": server.drs_server_id})
            return False
        return True
