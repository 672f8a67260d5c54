"""The Plans table: plan documents by name."""

from __future__ import annotations

import json
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

    def names(self) -> list[str]:
        """The names of all stored plans."""
        arguments: dict[str, Any] = {
            "ProjectionExpression": "#name",
            "ExpressionAttributeNames": {"#name": "name"},
        }
        names: list[str] = []
        while True:
            answer = self._table.scan(**arguments)
            names += [item["name"] for item in answer["Items"]]
            if "LastEvaluatedKey" not in answer:
                return sorted(names)
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
