"""Prepared servers: in the Executions table, one partition for each scope, without an expiry."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from boto3.dynamodb.conditions import Key

from shared.model.scope import Scope
from shared.rules.preparation.changes import Preparation
from shared.serialization import from_item, to_item
from shared.store.connection import table


class PreparationStore:
    """The prepared servers of a scope, and their settings before."""

    def __init__(self, table_name: str, scope: Scope) -> None:
        self._partition = f"PREPARED#{scope}"
        self._table = table(table_name)

    def put(self, preparations: Iterable[Preparation]) -> None:
        """Record servers, in place of their earlier records."""
        with self._table.batch_writer() as batch:
            for one in preparations:
                batch.put_item(
                    Item={"pk": self._partition, "sk": f"SERVER#{one.source_server_id}", **to_item(one)}
                )

    def forget(self, source_server_ids: Iterable[str]) -> None:
        """Delete the records of these servers."""
        with self._table.batch_writer() as batch:
            for server_id in source_server_ids:
                batch.delete_item(Key={"pk": self._partition, "sk": f"SERVER#{server_id}"})

    def all(self) -> dict[str, Preparation]:
        """Every prepared server by its id."""
        arguments: dict[str, Any] = {
            "KeyConditionExpression": Key("pk").eq(self._partition),
            "ConsistentRead": True,
        }
        found: dict[str, Preparation] = {}
        while True:
            answer = self._table.query(**arguments)
            for item in answer["Items"]:
                one = from_item(item, Preparation)
                found[one.source_server_id] = one
            if "LastEvaluatedKey" not in answer:
                return found
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
