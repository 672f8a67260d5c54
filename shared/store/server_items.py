"""Servers: one item each, under its wave. Every change states what it may replace.

A batch has an item with the ids of its servers, so that it is read without its wave.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import reduce
from typing import Any

from aws_lambda_powertools import Logger
from boto3.dynamodb.conditions import And, Attr, ConditionBase

from shared.model.scope import Scope
from shared.model.server import Change, ServerProgress, ServerRecord
from shared.model.status import Protection, ServerStatus
from shared.serialization import from_item, to_item
from shared.store.execution_items import ExecutionItems, partition_of, shard_of
from shared.store.reads import read
from shared.store.writes import add_to, put_once, set_if, write

logger = Logger(child=True)

UNREADABLE = (KeyError, TypeError, ValueError, AttributeError)
"""What structuring an item raises that is not as we wrote it."""
NO_WAVE = "-"
_FINAL = {f":final{n}": status.value for n, status in enumerate(s for s in ServerStatus if s.is_final)}


class ServerItems(ExecutionItems):
    """The servers of executions."""

    def put_servers(self, execution_id: str, servers: Sequence[ServerRecord]) -> None:
        """Record servers. One that is recorded already stays as it is.

        None are recorded after the execution has ended: the task that reads a site may be late.
        """
        if not self.execution(execution_id).status.is_final:
            self.add_servers(execution_id, servers)

    def add_servers(self, execution_id: str, servers: Sequence[ServerRecord]) -> None:
        """As ``put_servers``, also when the execution is over: what closes it records whom it leaves."""
        expiry = self.expiry(execution_id)
        write(
            [
                put_once(self.table_name, {**server_key(execution_id, server), **to_item(server), **expiry})
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
    ) -> list[ServerRecord]:
        """All servers of the execution, or those of one wave; of any status and job, or the given.

        Reading a server takes far longer than finding it: ask for no more than are needed.
        """
        found = self._query_shards(execution_id, _servers_of(wave), filter=_filter(statuses, jobs))
        return [_server(item) for item in found]

    def add_to_batches(self, execution_id: str, servers: Iterable[ServerRecord]) -> None:
        """Note in which batch each of these servers is to be, before their records have it.

        An id is never taken out: a late writer must not make a batch smaller. The record decides.
        """
        batches: dict[tuple[str, int], set[str]] = {}
        for server in servers:
            if server.wave is not None and server.batch is not None:
                batches.setdefault((server.wave, server.batch), set()).add(server.source_server_id)
        expiry = self.expiry(execution_id)
        write(
            [
                add_to(self.table_name, _batch_key(execution_id, wave, number), {"servers": ids}, expiry)
                for (wave, number), ids in batches.items()
            ]
        )

    def batch(self, execution_id: str, wave: str, number: int) -> list[ServerRecord]:
        """The servers of one batch of a wave, the first id first; none if there is no such batch."""
        known = self._table.get_item(Key=_batch_key(execution_id, wave, number), ConsistentRead=True)
        ids = sorted(known.get("Item", {}).get("servers", ()))
        keys = [_server_key(execution_id, wave, server_id) for server_id in ids]
        found = [_server(item) for item in read(self.table_name, keys, consistent=True)]
        servers = [server for server in found if server.batch == number]
        return sorted(servers, key=lambda server: server.source_server_id)

    def progress(self, execution_id: str, wave: str) -> list[ServerProgress]:
        """How far each server of a wave is, and no more of it."""
        found = self._query_shards(
            execution_id, _servers_of(wave), fields=("status", "attempts", "overwritten")
        )
        return [_progress(item) for item in found]

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
                server_key(execution_id, change.before),
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
                    server_key(execution_id, server),
                    {"launch_changed": None},
                    "attribute_exists(#status)",
                    {},
                )
                for server in servers
            ]
        )


def _server(item: dict[str, Any]) -> ServerRecord:
    """The server of an item; a FAILED one for an item that cannot be read, which must not hide the others."""
    try:
        return from_item(item, ServerRecord)
    except UNREADABLE as error:
        logger.error("server not readable", extra={"item": item["sk"], "error": repr(error)})
        _, wave, server_id = item["sk"].split("#", 2)
        return ServerRecord(
            source_server_id=server_id,
            name=str(item.get("name") or server_id),
            scope=Scope("unknown", "unknown"),
            site=str(item.get("site") or "unknown"),
            status=ServerStatus.FAILED,
            wave=None if wave == NO_WAVE else wave,
            reason=f"Its record cannot be read: {error!r}. Nothing was done with it from then on.",
            remedy="Look in the DRS console for a job of it, and whether its target runs. CloudTrail's data "
            "events of the Executions table show what wrote the record.",
        )


def _progress(item: dict[str, Any]) -> ServerProgress:
    try:
        return from_item(item, ServerProgress)
    except UNREADABLE:
        return ServerProgress(ServerStatus.FAILED)


def _servers_of(wave: str | None) -> str:
    return "SERVER#" if wave is None else f"SERVER#{wave}#"


def _filter(statuses: Sequence[ServerStatus], jobs: Sequence[str]) -> ConditionBase | None:
    wanted: list[ConditionBase] = []
    if statuses:
        wanted.append(Attr("status").is_in([status.value for status in statuses]))
    if jobs:
        wanted.append(Attr("jobId").is_in(list(jobs)))
    return reduce(lambda one, other: And(one, other), wanted) if wanted else None


def server_key(execution_id: str, server: ServerRecord) -> dict[str, str]:
    return _server_key(execution_id, server.wave, server.source_server_id)


def _server_key(execution_id: str, wave: str | None, source_server_id: str) -> dict[str, str]:
    partition = shard_of(execution_id, source_server_id)
    return {"pk": partition, "sk": f"SERVER#{wave or NO_WAVE}#{source_server_id}"}


def _batch_key(execution_id: str, wave: str, number: int) -> dict[str, str]:
    return {"pk": partition_of(execution_id), "sk": f"BATCH#{wave}#{number}"}
