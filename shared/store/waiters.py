"""Task tokens of batches and waves that wait in a scope, and what DRS has reported of the scope's jobs.

Waiters stand in the partition of the scope's claims, in the Executions table.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from boto3.dynamodb.conditions import Key

from shared.model.scope import Scope
from shared.serialization import from_item, to_item
from shared.store.connection import table
from shared.store.writes import delete_if, put_once, write_one

EXPIRY = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Waiter:
    """One task that waits: a batch for slots (``batch`` is set), or a wave for its ``jobs``."""

    execution_id: str
    wave: str
    task_token: str
    batch: int | None = None
    jobs: tuple[str, ...] = ()

    @property
    def sort(self) -> str:
        kind = "JOBS" if self.batch is None else "SLOT"
        number = "" if self.batch is None else f"#{self.batch}"
        return f"WAITER#{kind}#{self.execution_id}#{self.wave}{number}"


class WaiterStore:
    """The waiters of one scope, and how many servers of each of its jobs were reported."""

    def __init__(self, table_name: str, scope: Scope) -> None:
        self._name = table_name
        self._partition = f"SLOTS#{scope}"
        self._reports = f"REPORTS#{scope}"
        self._table = table(table_name)

    def put(self, waiter: Waiter, now: datetime) -> None:
        """Register a waiter; its earlier token is void."""
        item = {"pk": self._partition, "sk": waiter.sort, **to_item(waiter), **_expiry(now)}
        self._table.put_item(Item=item)

    def for_slot(self) -> list[Waiter]:
        return self._waiters("WAITER#SLOT#")

    def for_job(self, job_id: str) -> list[Waiter]:
        return [waiter for waiter in self._waiters("WAITER#JOBS#") if job_id in waiter.jobs]

    def remove(self, waiter: Waiter) -> None:
        """Take a waiter away, unless it waits again with another token."""
        key = {"pk": self._partition, "sk": waiter.sort}
        write_one(delete_if(self._name, key, "taskToken = :token", {":token": waiter.task_token}))

    def expect(self, job_id: str, servers: int, now: datetime) -> None:
        """DRS is to report so many servers of the job. A job that is known stays as it is."""
        item = {"pk": self._reports, "sk": job_id, "awaited": servers, **_expiry(now)}
        write_one(put_once(self._name, item))

    def report(self, job_id: str, server_id: str) -> bool:
        """Record that DRS has reported a server. True when it has reported all of the job.

        A repeated report changes nothing. False for a job that no execution of ours has started.
        """
        try:
            answer = self._table.update_item(
                Key={"pk": self._reports, "sk": job_id},
                UpdateExpression="ADD reported :server",
                ConditionExpression="attribute_exists(awaited)",
                ExpressionAttributeValues={":server": {server_id}},
                ReturnValues="ALL_NEW",
            )
        except self._table.meta.client.exceptions.ConditionalCheckFailedException:
            return False
        job = answer["Attributes"]
        return len(job["reported"]) >= int(job["awaited"])

    def _waiters(self, prefix: str) -> list[Waiter]:
        arguments: dict[str, Any] = {
            "KeyConditionExpression": Key("pk").eq(self._partition) & Key("sk").begins_with(prefix),
            "ConsistentRead": True,
        }
        waiters: list[Waiter] = []
        while True:
            answer = self._table.query(**arguments)
            waiters += [from_item(item, Waiter) for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                return waiters
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _expiry(now: datetime) -> dict[str, int]:
    return {"expiresAt": int((now + EXPIRY).timestamp())}
