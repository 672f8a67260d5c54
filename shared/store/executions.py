"""The Executions table: one item for an execution, each of its waves, servers, jobs and facts.

Writers are late, doubled and out of order: every change states what it may replace, and an outcome is final.
All items of an execution expire with it.
"""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from boto3.dynamodb.conditions import Key

from shared.model.execution import ExecutionFields, ExecutionRecord
from shared.model.plan import Plan
from shared.rules.plan.parsing import parse_plan
from shared.serialization import from_item, to_item
from shared.store.approval_items import ApprovalItems
from shared.store.control_items import ControlItems
from shared.store.decision_items import DecisionItems
from shared.store.execution_items import partition_of
from shared.store.fact_items import FactItems
from shared.store.server_items import ServerItems
from shared.store.wave_items import WaveItems
from shared.store.writes import put_once, write_exactly, write_one


class ExecutionStore(ApprovalItems, ControlItems, DecisionItems, FactItems, ServerItems, WaveItems):
    """The Executions table."""

    def open(self, record: ExecutionRecord, plan: dict[str, Any], expires_at: datetime) -> bool:
        """Record a new execution with its plan. False if it is recorded already (a repeated call)."""
        key = {"pk": partition_of(record.execution_id), "sk": "EXECUTION"}
        expiry = {"expiresAt": int(expires_at.timestamp())}
        plan_item = {**key, "sk": "PLAN", "document": json.dumps(plan), **expiry}
        # The plan first: an execution that is recorded must have one.
        write_one(put_once(self.table_name, plan_item))
        return write_exactly(put_once(self.table_name, {**key, **to_item(record), **expiry}))

    def plan(self, execution_id: str) -> Plan:
        """The plan as it was when the execution began. Raises ExecutionNotFoundError."""
        return _plan(self._get(execution_id, "PLAN")["document"])

    def recent(self, plan_name: str, limit: int) -> list[ExecutionRecord]:
        """The newest executions of a plan, the newest first. One that has just begun may be missing."""
        answer = self._table.query(
            IndexName="byPlanAndTime",
            KeyConditionExpression=Key("planName").eq(plan_name),
            ScanIndexForward=False,
            Limit=limit,
        )
        return [from_item(item, ExecutionRecord) for item in answer["Items"]]

    def plan_document(self, execution_id: str) -> dict[str, Any]:
        """The plan as it was written. Raises ExecutionNotFoundError."""
        document: dict[str, Any] = json.loads(self._get(execution_id, "PLAN")["document"])
        return document

    def change_execution(self, execution_id: str, values: ExecutionFields) -> bool:
        """Set fields of a running execution. False if it has ended already: its outcome is final."""
        return self._set(execution_id, "EXECUTION", values, "#status = :running", {":running": "RUNNING"})


@cache
def execution_store(table_name: str) -> ExecutionStore:
    """The one store of this process for a table, so that warm invocations reuse its client."""
    return ExecutionStore(table_name)


@lru_cache(maxsize=32)
def _plan(document: str) -> Plan:
    """Each function of an execution needs it, and holding it against its schema is most of the work."""
    return parse_plan(json.loads(document))
