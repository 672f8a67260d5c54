"""The Executions table: one item for an execution, each of its waves, servers, jobs and facts.

Items of one execution share the partition ``EXECUTION#<id>``. Writers are late, doubled and out of order:
every change states what it may replace, and an outcome is final. All items of an execution expire with it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache, reduce
from typing import Any, TypeVar

from boto3.dynamodb.conditions import And, Attr, ConditionBase, Key

from shared.model.drs import SourceServer
from shared.model.ec2 import Instance
from shared.model.execution import ControlRecord, Effect, ExecutionRecord, JobRecord, WaveRecord
from shared.model.finding import Finding
from shared.model.plan import Plan
from shared.model.quotas import KnownLimits, ScopeLimits
from shared.model.scope import Scope
from shared.model.server import Change, RemovedVolume, ServerProgress, ServerRecord
from shared.model.status import Protection, ServerStatus
from shared.rules.drs.drs_job_monitor import COMPLETED
from shared.rules.matching.instance_matcher import Proposal
from shared.rules.plan.parsing import parse_plan
from shared.rules.preparation.changes import ServerOutcome
from shared.serialization import from_item, to_item
from shared.store.connection import table
from shared.store.reads import read
from shared.store.writes import put_once, set_if, write, write_one, write_together

NO_WAVE = "-"
_FINAL = {f":final{n}": status.value for n, status in enumerate(s for s in ServerStatus if s.is_final)}

T = TypeVar("T")


class ExecutionNotFoundError(Exception):
    """No execution of that id is recorded."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """A target instance that matched no server, and why."""

    instance_id: str
    finding: Finding


_FACTS: dict[type, tuple[str, Callable[[Any], str]]] = {
    SourceServer: ("SOURCE", lambda fact: fact.source_server_id),
    Instance: ("INSTANCE", lambda fact: fact.instance_id),
    Leftover: ("LEFTOVER", lambda fact: fact.instance_id),
    Proposal: ("PROPOSAL", lambda fact: f"{fact.source_server_id}#{fact.instance_id}"),
    RemovedVolume: ("REMOVED", lambda fact: fact.volume_id),
    KnownLimits: ("LIMITS", lambda fact: str(fact.scope)),
    ServerOutcome: ("PREPARATION", lambda fact: fact.source_server_id),
    Finding: ("FINDING", lambda fact: f"{fact.code}#{fact.found}"[:200]),
}


class ExecutionStore:
    """The Executions table."""

    def __init__(self, table_name: str) -> None:
        self.table_name = table_name
        self._table = table(table_name)

    # --- executions

    def open(self, record: ExecutionRecord, plan: dict[str, Any], expires_at: datetime) -> bool:
        """Record a new execution with its plan. False if it is recorded already (a repeated call)."""
        key = {"pk": _partition(record.execution_id), "sk": "EXECUTION"}
        expiry = {"expiresAt": int(expires_at.timestamp())}
        plan_item = {**key, "sk": "PLAN", "document": json.dumps(plan), **expiry}
        # The plan first: an execution that is recorded must have one.
        write_one(put_once(self.table_name, plan_item))
        return write_one(put_once(self.table_name, {**key, **to_item(record), **expiry}))

    def execution(self, execution_id: str) -> ExecutionRecord:
        """Raises ExecutionNotFoundError."""
        return from_item(self._get(execution_id, "EXECUTION"), ExecutionRecord)

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

    def change_execution(self, execution_id: str, values: dict[str, Any]) -> bool:
        """Set fields of a running execution. False if it has ended already: its outcome is final."""
        return self._set(execution_id, "EXECUTION", values, "#status = :running", {":running": "RUNNING"})

    # --- facts

    def put_facts(self, execution_id: str, facts: Iterable[Any]) -> None:
        """Record what AWS or a rule said: a fact of one of the types in ``_FACTS``.

        Observations only: a later one may replace an earlier one.
        """
        expiry = self._expiry(execution_id)
        with self._table.batch_writer(overwrite_by_pkeys=["pk", "sk"]) as batch:
            for fact in facts:
                kind, key = _FACTS[type(fact)]
                sort = f"FACT#{kind}#{key(fact)}"
                batch.put_item(Item={"pk": _partition(execution_id), "sk": sort, **to_item(fact), **expiry})

    def facts(self, execution_id: str, kind: type[T], keys: Sequence[str] | None = None) -> list[T]:
        """The facts of a kind, or those of them with these keys."""
        prefix = f"FACT#{_FACTS[kind][0]}#"
        if keys is None:
            found = self._query(execution_id, prefix)
        else:
            partition = _partition(execution_id)
            wanted = [{"pk": partition, "sk": f"{prefix}{key}"} for key in keys]
            found = list(read(self.table_name, wanted, consistent=True))
        return [from_item(item, kind) for item in found]

    def limits(self, execution_id: str, scope: Scope) -> ScopeLimits:
        """What the execution goes by in ``scope``; DRS's own limits where it has recorded none."""
        kind, _ = _FACTS[KnownLimits]
        try:
            return from_item(self._get(execution_id, f"FACT#{kind}#{scope}"), KnownLimits).limits
        except ExecutionNotFoundError:
            return ScopeLimits()

    # --- servers

    def put_servers(self, execution_id: str, servers: Sequence[ServerRecord]) -> None:
        """Record discovered servers. One that is recorded already stays as it is.

        None are recorded after the execution has ended: whoever looks at a site may be late.
        """
        if self.execution(execution_id).status.is_final:
            return
        expiry = self._expiry(execution_id)
        write(
            [
                put_once(self.table_name, {**_server_key(execution_id, server), **to_item(server), **expiry})
                for server in servers
            ]
        )

    def servers(
        self,
        execution_id: str,
        wave: str | None = None,
        *,
        statuses: Sequence[ServerStatus] = (),
        jobs: Sequence[str] = (),
        batch: int | None = None,
    ) -> list[ServerRecord]:
        """All servers of the execution, or those of one wave; of any status, job and batch, or the given.

        Reading a server takes far longer than finding it: ask for no more than are needed.
        """
        found = self._query(execution_id, _servers_of(wave), filter=_filter(statuses, jobs, batch))
        return [from_item(item, ServerRecord) for item in found]

    def progress(self, execution_id: str, wave: str) -> list[ServerProgress]:
        """How far each server of a wave is, and no more of it."""
        found = self._query(execution_id, _servers_of(wave), fields=("status", "attempts"))
        return [from_item(item, ServerProgress) for item in found]

    def change_servers(
        self,
        execution_id: str,
        changes: Iterable[Change],
        only_from: Sequence[ServerStatus] = (),
    ) -> list[ServerRecord]:
        """Apply changes to servers without an outcome and, if given, only from these statuses.

        Returns the servers as changed; those that another writer had moved on are left out.
        """
        listed = list(changes)
        values = {f":only{n}": status.value for n, status in enumerate(only_from)} or _FINAL
        inside = f"#status IN ({', '.join(values)})"
        condition = inside if only_from else f"attribute_exists(pk) AND NOT {inside}"
        return self._change(execution_id, listed, condition, values)

    def change_settled(self, execution_id: str, changes: Iterable[Change]) -> list[ServerRecord]:
        """Set what comes after a server's outcome (its protection, its clean-up), never the outcome itself.

        A protection that is final stays. Returns the servers as changed.
        """
        listed = list(changes)
        for change in listed:
            if "status" in change.values:
                raise ValueError("An outcome is final; change_settled does not touch it.")
        condition = "attribute_exists(#status) AND (attribute_not_exists(#protection)"
        condition += " OR NOT #protection IN (:retired, :unprotected))"
        values = {":retired": Protection.RETIRED.value, ":unprotected": Protection.UNPROTECTED.value}
        return self._change(execution_id, listed, condition, values)

    def _change(
        self, execution_id: str, changes: Sequence[Change], condition: str, values: dict[str, str]
    ) -> list[ServerRecord]:
        operations = [
            set_if(
                self.table_name,
                _server_key(execution_id, change.before),
                # A change of nothing still asks whether the condition holds.
                change.values or {"source_server_id": change.before.source_server_id},
                condition,
                values,
            )
            for change in changes
        ]
        # Exact: the writer that moved a server on takes its next step, so it must learn that it did.
        done = write(operations, exact=True)
        return [change.after for change, written in zip(changes, done, strict=True) if written]

    def settle_launch_settings(self, execution_id: str, servers: Sequence[ServerRecord]) -> None:
        """Record that these servers have their launch settings back, whatever their outcome."""
        write(
            [
                set_if(
                    self.table_name,
                    _server_key(execution_id, server),
                    {"launch_changed": None},
                    "attribute_exists(#status)",
                    {},
                )
                for server in servers
            ]
        )

    # --- waves and jobs

    def put_waves(self, execution_id: str, waves: Sequence[WaveRecord]) -> None:
        """Record the planned waves. One that is recorded already stays as it is."""
        common = {"pk": _partition(execution_id), **self._expiry(execution_id)}
        write(
            [
                put_once(self.table_name, {**common, "sk": f"WAVE#{wave.name}", **to_item(wave)})
                for wave in waves
            ]
        )

    def wave(self, execution_id: str, name: str) -> WaveRecord:
        """Raises ExecutionNotFoundError, also where the execution has no such wave."""
        return from_item(self._get(execution_id, f"WAVE#{name}"), WaveRecord)

    def waves(self, execution_id: str) -> list[WaveRecord]:
        return [from_item(item, WaveRecord) for item in self._query(execution_id, "WAVE#")]

    def change_wave(self, execution_id: str, name: str, values: dict[str, Any]) -> bool:
        """Set fields of a wave that has not ended. False if it has: its outcome is final."""
        open_statuses = {":planned": "PLANNED", ":running": "RUNNING"}
        condition = "#status IN (:planned, :running)"
        return self._set(execution_id, f"WAVE#{name}", values, condition, open_statuses)

    def put_job(self, execution_id: str, job: JobRecord) -> None:
        """Record a job of ours. One that is recorded already stays as it is."""
        key = {"pk": _partition(execution_id), "sk": f"JOB#{job.job_id}"}
        write_one(put_once(self.table_name, {**key, **to_item(job), **self._expiry(execution_id)}))

    def change_jobs(self, execution_id: str, changes: Mapping[str, dict[str, Any]]) -> None:
        """Set fields of recorded jobs, by job id.

        ``recorded``: of so many servers of the job the outcome is on their records.
        """
        partition = _partition(execution_id)
        write(
            [
                set_if(
                    self.table_name,
                    {"pk": partition, "sk": f"JOB#{job_id}"},
                    values,
                    "attribute_exists(pk)",
                    {},
                )
                for job_id, values in changes.items()
                if values
            ]
        )

    def jobs(self, execution_id: str, *, unfinished: bool = False) -> list[JobRecord]:
        """All jobs of the execution, or those whose end is not recorded."""
        filter = Attr("status").ne(COMPLETED) if unfinished else None
        return [from_item(item, JobRecord) for item in self._query(execution_id, "JOB#", filter=filter)]

    # --- what people say

    def control(self, execution_id: str, control_id: str) -> ControlRecord | None:
        """A message that was recorded, None if there is none of that id."""
        key = {"pk": _partition(execution_id), "sk": f"CONTROL#{control_id}"}
        item = self._table.get_item(Key=key, ConsistentRead=True).get("Item")
        return from_item(item, ControlRecord) if item else None

    def controls(self, execution_id: str) -> list[ControlRecord]:
        """Every message, the oldest first."""
        found = [from_item(item, ControlRecord) for item in self._query(execution_id, "CONTROL#")]
        return sorted(found, key=lambda control: (control.at, control.control_id))

    def record_control(self, record: ExecutionRecord, control: ControlRecord, effect: Effect) -> bool:
        """Record a message together with all that it changes, or nothing of it.

        ``record``: the execution as the message was judged by. False if another message came first, or if
        the execution has ended meanwhile: judge again.
        """
        execution_id = record.execution_id
        common = {"pk": _partition(execution_id), **self._expiry(execution_id)}
        item = {**common, "sk": f"CONTROL#{control.control_id}", **to_item(control)}
        # A message that is the first finds no counter: fields at their default are not stored.
        seen = "controls = :seen" if record.controls else "attribute_not_exists(controls)"
        values: dict[str, Any] = {":seen": record.controls} if record.controls else {}
        condition, values = f"{seen} AND #status = :status", {**values, ":status": record.status.value}
        changes = {**effect.execution, "controls": record.controls + 1}
        key = {"pk": _partition(execution_id), "sk": "EXECUTION"}
        operations = [
            put_once(self.table_name, item),
            set_if(self.table_name, key, changes, condition, values),
        ]
        for name, fields in effect.waves.items():
            key = {"pk": _partition(execution_id), "sk": f"WAVE#{name}"}
            not_over = {":planned": "PLANNED", ":running": "RUNNING"}
            operations.append(
                set_if(self.table_name, key, fields, "#status IN (:planned, :running)", not_over)
            )
        for change in effect.servers:
            key = _server_key(execution_id, change.before)
            as_seen = {":seen": change.before.status.value}
            operations.append(set_if(self.table_name, key, change.values, "#status = :seen", as_seen))
        return write_together(operations)

    def claim_round(self, execution_id: str, scope: Scope, now: datetime, every: timedelta) -> bool:
        """Whether the caller is to ask DRS about the scope's jobs this round: one caller a round is."""
        return write_one(
            set_if(
                self.table_name,
                {"pk": _partition(execution_id), "sk": f"ROUND#{scope}"},
                {
                    "status": (now + every).isoformat(),
                    "expires_at": self._expiry(execution_id)["expiresAt"],
                },
                "attribute_not_exists(#status) OR #status <= :now",
                {":now": now.isoformat()},
            )
        )

    # --- the table

    def _get(self, execution_id: str, sort: str) -> dict[str, Any]:
        answer = self._table.get_item(Key={"pk": _partition(execution_id), "sk": sort}, ConsistentRead=True)
        if "Item" not in answer:
            item = "" if sort in ("EXECUTION", "PLAN") else f" with an item {sort!r}"
            raise ExecutionNotFoundError(f"No execution {execution_id!r}{item} in table {self.table_name}.")
        return dict(answer["Item"])

    def _expiry(self, execution_id: str) -> dict[str, int]:
        """When the execution's items may go, as the table's TTL attribute. Raises ExecutionNotFoundError."""
        return {"expiresAt": int(self._get(execution_id, "EXECUTION")["expiresAt"])}

    def _query(
        self,
        execution_id: str,
        prefix: str,
        *,
        filter: ConditionBase | None = None,
        fields: Sequence[str] = (),
    ) -> list[dict[str, Any]]:
        condition = Key("pk").eq(_partition(execution_id)) & Key("sk").begins_with(prefix)
        arguments: dict[str, Any] = {"KeyConditionExpression": condition, "ConsistentRead": True}
        if filter is not None:
            arguments["FilterExpression"] = filter
        if fields:
            # By other names: many words are reserved, "status" among them.
            arguments["ProjectionExpression"] = ", ".join(f"#{field}" for field in fields)
            arguments["ExpressionAttributeNames"] = {f"#{field}": field for field in fields}
        items: list[dict[str, Any]] = []
        while True:
            answer = self._table.query(**arguments)
            items += answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return items
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _set(
        self, execution_id: str, sort: str, values: dict[str, Any], condition: str, names: dict[str, Any]
    ) -> bool:
        key = {"pk": _partition(execution_id), "sk": sort}
        return write_one(set_if(self.table_name, key, values, condition, names))


@cache
def execution_store(table_name: str) -> ExecutionStore:
    """The one store of this process for a table, so that warm invocations reuse its client."""
    return ExecutionStore(table_name)


@lru_cache(maxsize=32)
def _plan(document: str) -> Plan:
    """Each function of an execution needs it, and holding it against its schema is most of the work."""
    return parse_plan(json.loads(document))


def _partition(execution_id: str) -> str:
    return f"EXECUTION#{execution_id}"


def _servers_of(wave: str | None) -> str:
    return "SERVER#" if wave is None else f"SERVER#{wave}#"


def _filter(statuses: Sequence[ServerStatus], jobs: Sequence[str], batch: int | None) -> ConditionBase | None:
    wanted: list[ConditionBase] = []
    if statuses:
        wanted.append(Attr("status").is_in([status.value for status in statuses]))
    if jobs:
        wanted.append(Attr("jobId").is_in(list(jobs)))
    if batch is not None:
        wanted.append(Attr("batch").eq(batch))
    return reduce(lambda one, other: And(one, other), wanted) if wanted else None


def _server_key(execution_id: str, server: ServerRecord) -> dict[str, str]:
    sort = f"SERVER#{server.wave or NO_WAVE}#{server.source_server_id}"
    return {"pk": _partition(execution_id), "sk": sort}
