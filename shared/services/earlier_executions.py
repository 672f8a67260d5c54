"""What earlier executions have recorded of servers that an execution is about to recover.

An execution that was killed leaves DRS jobs, launched instances and changed launch settings behind. Its
jobs carry its id in their tags, and its servers are locked until it is closed.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.model.drs import Job
from shared.model.execution import ExecutionRecord
from shared.model.server import ServerRecord
from shared.rules.drs.drs_job_monitor import EXECUTION_TAG
from shared.rules.resumption.adoption import Earlier
from shared.services.execution_liveness import execution_is_over
from shared.services.opened_execution import OpenedExecution
from shared.store import ExecutionNotFoundError, ExecutionStore, LockStore, server_lock


class EarlierExecutions:
    """Reads every earlier execution once. ``sibling_arn`` is that of the execution that asks."""

    def __init__(self, store: ExecutionStore, execution: OpenedExecution, sibling_arn: str) -> None:
        self._store = store
        self._own = execution.record
        self._sibling_arn = sibling_arn
        self._records: dict[str, ExecutionRecord | None] = {}
        self._servers: dict[str, dict[str, ServerRecord]] = {}
        self._over: dict[str, bool] = {}

    def record(self, execution_id: str) -> ExecutionRecord | None:
        """The record of an execution, None if there is none."""
        if execution_id not in self._records:
            try:
                self._records[execution_id] = self._store.execution(execution_id)
            except ExecutionNotFoundError:
                self._records[execution_id] = None
        return self._records[execution_id]

    def is_over(self, execution_id: str) -> bool:
        """Whether an execution is over, by our record or by Step Functions'."""
        if execution_id not in self._over:
            self._over[execution_id] = execution_is_over(self._store, execution_id, self._sibling_arn)
        return self._over[execution_id]

    def of_job(self, job: Job | None, source_server_id: str) -> Earlier | None:
        """The earlier execution that started this job, if it was one of ours and not the one that asks."""
        return self.of(job.tags.get(EXECUTION_TAG) if job else None, source_server_id)

    def holders(self, locks: LockStore, source_server_ids: Sequence[str]) -> dict[str, Earlier]:
        """The other executions that have locked these servers, over or not, by source server id."""
        found = locks.holders([server_lock(server_id) for server_id in source_server_ids])
        known = {one: self.of(found.get(server_lock(one)), one) for one in source_server_ids}
        return {server_id: holder for server_id, holder in known.items() if holder}

    def of(self, execution_id: str | None, source_server_id: str) -> Earlier | None:
        """What that execution has recorded of a server; None if it is unknown, or the one that asks."""
        if not execution_id or execution_id == self._own.execution_id:
            return None
        record = self.record(execution_id)
        if record is None:
            return None
        if execution_id not in self._servers:
            servers = self._store.servers(execution_id)
            self._servers[execution_id] = {server.source_server_id: server for server in servers}
        return Earlier(
            execution=record,
            server=self._servers[execution_id].get(source_server_id),
            is_over=self.is_over(execution_id),
            same_plan_and_mode=(record.plan_name, record.mode) == (self._own.plan_name, self._own.mode),
        )
