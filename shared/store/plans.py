"""The Plans table: plan documents by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from shared.store.connection import table


class PlanStore:
    """The Plans table: plan documents by name."""

    def __init__(self, table_name: str) -> None:
        self._table = table(table_name)

    def put(self, document: dict[str, Any], now: datetime) -> None:
        """Store a plan that ``parse_plan`` has accepted, in place of an earlier one of its name."""
        self._table.put_item(
            Item={"name": document["name"], "document": json.dumps(document), "storedAt": now.isoformat()}
        )

    def get(self, name: str) -> dict[str, Any] | None:
        item = self._table.get_item(Key={"name": name}, ConsistentRead=True).get("Item")
        document: dict[str, Any] | None = json.loads(item["document"]) if item else None
        return document

    def every(self) -> list[dict[str, Any]]:
        """All stored plans, in no order."""
        return [json.loads(item["document"]) for item in self._scan()]

    def names(self) -> list[str]:
        """The names of all stored plans."""
        only = {"ProjectionExpression": "#name", "ExpressionAttributeNames": {"#name": "name"}}
        return sorted(item["name"] for item in self._scan(**only))

    def _scan(self, **arguments: Any) -> Iterator[dict[str, Any]]:
        while True:
            answer = self._table.scan(**arguments)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
