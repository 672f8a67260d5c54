"""Claims of batches on slots in a scope's quotas: one partition of the Executions table for each scope."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from boto3.dynamodb.conditions import Key

from shared.model.scope import Scope
from shared.rules.waves.slots import Claim
from shared.serialization import from_item, to_item
from shared.store.connection import table
from shared.store.writes import delete_all, delete_if, put_if, write, write_together

TRIES = 20
"""Of as many batches as there can be jobs, each may be the last to get its grant."""
EXPIRY = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Grant:
    """The answer to a claim, and all ``claims`` as they stand after it, the own one among them."""

    granted: bool
    claims: tuple[Claim, ...]


class ClaimStore:
    """The claims on one scope."""

    def __init__(self, table_name: str, scope: Scope) -> None:
        self._name = table_name
        self._partition = f"SLOTS#{scope}"
        self._table = table(table_name)

    def put(self, claims: Sequence[Claim], now: datetime) -> None:
        """Make or renew claims. The first asking keeps its place: ``asked_at`` of an older claim stays."""
        write([self._put(claim, now) for claim in claims])

    def all(self) -> list[Claim]:
        return [from_item(item, Claim) for item in self._items() if item["sk"] != "HEAD"]

    def grant(self, own: Claim, now: datetime, judge: Callable[[Claim, Sequence[Claim]], bool]) -> Grant:
        """Renew ``own`` and ask ``judge`` whether it may start; if so it is granted, at most one at a time.

        The partition's HEAD counts grants: a grant is valid only if no other batch got one since the
        claims were read.
        """
        claims: list[Claim] = []
        for _ in range(TRIES):
            items = self._items()
            head = next((int(item["grants"]) for item in items if item["sk"] == "HEAD"), 0)
            claims = [from_item(item, Claim) for item in items if item["sk"] != "HEAD"]
            before = next((claim for claim in claims if claim.key == own.key), own)
            mine = replace(own, asked_at=min(own.asked_at, before.asked_at))
            if not judge(mine, claims):
                self.put([mine], now)
                return Grant(False, _with(claims, mine))
            granted = replace(mine, granted_at=mine.seen_at)
            counted = put_if(
                self._name,
                {"pk": self._partition, "sk": "HEAD", "grants": head + 1, **_expiry(now)},
                "attribute_not_exists(pk) OR grants = :head",
                {":head": head},
            )
            if write_together([counted, self._put(granted, now)]):
                return Grant(True, _with(claims, granted))
        return Grant(False, _with(claims, own))

    def drop(self, claims: Sequence[Claim]) -> None:
        """Take claims back: their jobs are started, or never will be."""
        delete_all(self._name, [{"pk": self._partition, "sk": _sort(claim)} for claim in claims])

    def forget(self, execution_id: str) -> None:
        """Take back the claims that an execution has left: they are not asked for again."""
        prefix = f"CLAIM#{execution_id}#"
        keys = [
            {"pk": item["pk"], "sk": item["sk"]} for item in self._items() if item["sk"].startswith(prefix)
        ]
        write([delete_if(self._name, key, "executionId = :me", {":me": execution_id}) for key in keys])

    def _put(self, claim: Claim, now: datetime) -> dict[str, Any]:
        item = {"pk": self._partition, "sk": _sort(claim), **to_item(claim), **_expiry(now)}
        return {"Put": {"TableName": self._name, "Item": item}}

    def _items(self) -> list[dict[str, Any]]:
        arguments: dict[str, Any] = {
            "KeyConditionExpression": Key("pk").eq(self._partition) & Key("sk").between("CLAIM#", "HEAD"),
            "ConsistentRead": True,
        }
        items: list[dict[str, Any]] = []
        while True:
            answer = self._table.query(**arguments)
            items += answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return items
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _with(claims: Sequence[Claim], own: Claim) -> tuple[Claim, ...]:
    return (*(claim for claim in claims if claim.key != own.key), own)


def _sort(claim: Claim) -> str:
    return f"CLAIM#{claim.execution_id}#{claim.wave}#{claim.batch}"


def _expiry(now: datetime) -> dict[str, int]:
    return {"expiresAt": int((now + EXPIRY).timestamp())}
