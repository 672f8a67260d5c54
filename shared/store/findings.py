"""The Findings table: what query functions saw of an execution. Nothing is executed from it.

Its items have the keys of the Executions table. They expire with the execution.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from shared.model.execution import ExecutionRecord
from shared.model.server import ServerRecord
from shared.model.status import ServerStatus
from shared.rules.checks.pair_decision import one_of_each
from shared.store.executions import ExecutionStore
from shared.store.fact_items import FactItems
from shared.store.server_items import ServerItems


class FindingStore(FactItems, ServerItems):
    """The servers of an execution as discovery and checks saw them, and what AWS said around them.

    A query function can write anything here. What acts decides from what it read itself.
    """

    def __init__(self, table_name: str, executions: ExecutionStore) -> None:
        super().__init__(table_name)
        self._executions = executions

    def servers(
        self,
        execution_id: str,
        wave: str | None = None,
        *,
        statuses: Sequence[ServerStatus] = (),
        jobs: Sequence[str] = (),
    ) -> list[ServerRecord]:
        """One finding of each server, though it may have one in each wave: see ``one_of_each``."""
        return one_of_each(super().servers(execution_id, wave, statuses=statuses, jobs=jobs))

    def execution(self, execution_id: str) -> ExecutionRecord:
        return self._executions.execution(execution_id)

    def expiry(self, execution_id: str) -> dict[str, int]:
        return self._executions.expiry(execution_id)


@cache
def finding_store(table_name: str, executions: ExecutionStore) -> FindingStore:
    """The one store of this process for a table, so that warm invocations reuse its client."""
    return FindingStore(table_name, executions)
