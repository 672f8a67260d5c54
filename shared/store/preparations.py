"""Prepared servers: in the Executions table, one partition for each scope, without an expiry."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from boto3.dynamodb.conditions import Key

from shared.model.scope import Scope
from shared.rules.preparation.changes import Preparation
from shared.serialization import from_item, to_item
from shared.store.connection import table
from shared.store.writes import delete_all, put_all


class PreparationStore:
    """The prepared servers of a scope, and their settings before."""

    def __init__(self, table_name: str, scope: Scope) -> None:
        self._name = table_name
        self._partition = f"PREPARED#{scope}"
        self._table = table(table_name)

    def put(self, preparations: Iterable[Preparation]) -> None:
        """Record servers, in place of their earlier records."""
        put_all(self._name, [{**self._key(one.source_server_id), **to_item(one)} for one in preparations])

    def forget(self, source_server_ids: Iterable[str]) -> None:
        """Delete the records of these servers."""
        delete_all(self._name, [self._key(server_id) for server_id in source_server_ids])

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

    def _key(self, source_server_id: str) -> dict[str, str]:
        return {"pk": self._partition, "sk": f"SERVER#{source_server_id}"}
