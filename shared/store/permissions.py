"""What IAM answered in quiet times: items of their own in the InstancePairs table."""

from __future__ import annotations

from collections.abc import Sequence

from shared.model.iam import PermissionsRecord
from shared.model.policies import Mode
from shared.model.scope import Scope
from shared.serialization import from_item, to_item
from shared.store.reads import read
from shared.store.writes import put_if, write

PREFIX = "PERMISSIONS#"
"""Of the key ``sourceServerId``: an answer is about a scope, and is no pair."""


class PermissionStore:
    """The last answer of IAM in each scope, of failovers and of failbacks."""

    def __init__(self, pairs_table: str) -> None:
        self._name = pairs_table

    def put(self, records: Sequence[PermissionsRecord]) -> None:
        """Put each in place of an older one."""
        write(
            [
                put_if(
                    self._name,
                    {**to_item(record), "sourceServerId": _key(record.scope, record.mode)},
                    "attribute_not_exists(askedAt) OR askedAt < :at",
                    {":at": record.asked_at},
                )
                for record in records
            ]
        )

    def last(self, scope: Scope, mode: Mode) -> PermissionsRecord | None:
        """The newest that is recorded. A drill asks what a failover asks."""
        found = list(read(self._name, [{"sourceServerId": _key(scope, mode)}]))
        return from_item(found[0], PermissionsRecord) if found else None


def _key(scope: Scope, mode: Mode) -> str:
    return f"{PREFIX}{mode.value if mode is Mode.FAILBACK else Mode.FAILOVER.value}#{scope}"
