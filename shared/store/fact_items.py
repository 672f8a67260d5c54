"""Facts: what AWS, or a rule, had to say of something while an execution ran."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from shared.model.drs import SourceServer
from shared.model.ec2 import Instance
from shared.model.finding import Finding
from shared.model.iam import PermissionsRecord
from shared.model.original import ContestedOriginal, OriginalName, OriginalRecord
from shared.model.quotas import KnownLimits, ScopeLimits
from shared.model.scope import Scope
from shared.model.server import RemovedVolume
from shared.model.unreadable_site import UnreadableSite
from shared.rules.matching.instance_matcher import Proposal
from shared.rules.preparation.changes import ServerOutcome
from shared.serialization import from_item, to_item
from shared.store.execution_items import ExecutionItems, partition_of, shard_of
from shared.store.reads import read
from shared.store.writes import put_all

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Leftover:
    """A target instance that matched no server, and why."""

    instance_id: str
    finding: Finding


@dataclass(frozen=True, slots=True)
class _Kind:
    """``key`` of a fact among those of its kind.

    ``many``: there is one for each server, or more; or a function writes it that may not write the execution.
    """

    name: str
    key: Callable[[Any], str]
    many: bool = False


_KINDS: dict[type, _Kind] = {
    ContestedOriginal: _Kind("CONTESTED", lambda fact: fact.original_instance_id),
    OriginalRecord: _Kind("ORIGINAL", lambda fact: fact.source_server_id, many=True),
    OriginalName: _Kind("CALLED", lambda fact: fact.source_server_id),
    SourceServer: _Kind("SOURCE", lambda fact: fact.source_server_id, many=True),
    Instance: _Kind("INSTANCE", lambda fact: fact.instance_id, many=True),
    Leftover: _Kind("LEFTOVER", lambda fact: fact.instance_id),
    Proposal: _Kind("PROPOSAL", lambda fact: f"{fact.source_server_id}#{fact.instance_id}"),
    RemovedVolume: _Kind("REMOVED", lambda fact: fact.volume_id, many=True),
    KnownLimits: _Kind("LIMITS", lambda fact: str(fact.scope)),
    ServerOutcome: _Kind("PREPARATION", lambda fact: fact.source_server_id, many=True),
    PermissionsRecord: _Kind("PERMISSIONS", lambda fact: f"{fact.mode}#{fact.scope}"),
    UnreadableSite: _Kind("UNREADABLE", lambda fact: fact.site),
    Finding: _Kind("FINDING", lambda fact: f"{fact.code}#{fact.found}"[:200], many=True),
}


class FactItems(ExecutionItems):
    """The facts of executions."""

    def put_facts(self, execution_id: str, facts: Iterable[Any]) -> None:
        """Record what AWS or a rule said: a fact of one of the types in ``_KINDS``.

        Observations only: a later one may replace an earlier one.
        """
        expiry = self.expiry(execution_id)
        items = []
        for fact in facts:
            kind = _KINDS[type(fact)]
            items.append({**_key(execution_id, kind, kind.key(fact)), **to_item(fact), **expiry})
        put_all(self.table_name, items)

    def facts(self, execution_id: str, kind: type[T], keys: Sequence[str] | None = None) -> list[T]:
        """The facts of a kind, or those of them with these keys."""
        of = _KINDS[kind]
        if keys is not None:
            wanted = [_key(execution_id, of, key) for key in keys]
            found = list(read(self.table_name, wanted, consistent=True))
        elif of.many:
            found = self._query_shards(execution_id, f"FACT#{of.name}#")
        else:
            found = self._query(execution_id, f"FACT#{of.name}#")
        return [from_item(item, kind) for item in found]

    def limits(self, execution_id: str, scope: Scope) -> ScopeLimits:
        """What the execution goes by in ``scope``; DRS's own limits where it has recorded none."""
        key = _key(execution_id, _KINDS[KnownLimits], str(scope))
        answer = self._table.get_item(Key=key, ConsistentRead=True)
        return from_item(answer["Item"], KnownLimits).limits if "Item" in answer else ScopeLimits()


def _key(execution_id: str, kind: _Kind, key: str) -> dict[str, str]:
    partition = shard_of(execution_id, key) if kind.many else partition_of(execution_id)
    return {"pk": partition, "sk": f"FACT#{kind.name}#{key}"}
