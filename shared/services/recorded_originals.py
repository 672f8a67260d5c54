"""What the InstancePairs table knows of originals, read at once: for a failback, and in quiet times."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from shared.model.drs import SourceServer
from shared.model.iam import PermissionsRecord
from shared.model.original import OriginalRecord
from shared.model.scope import Scope
from shared.rules.originals.claims import contested_originals
from shared.services.original_reader import Known
from shared.store import ExecutionStore, FindingStore, OriginalStore, PairStore, PermissionStore


def remember_quiet_times(
    store: ExecutionStore, findings: FindingStore, pairs_table: str, execution_id: str
) -> None:
    """Record what a preparation or dry run found: originals, and what IAM answered.

    Of two that do so at once, one does. IAM's answers are findings: they may explain, and decide nothing.
    """
    OriginalStore(pairs_table).put(store.facts(execution_id, OriginalRecord))
    PermissionStore(pairs_table).put(findings.facts(execution_id, PermissionsRecord))


def known(pairs_table: str, scope: Scope, listed: Sequence[SourceServer], now: datetime) -> Known:
    """``listed``: every source server of the recovery scope ``scope``."""
    pairs = PairStore(pairs_table).every()
    contested = contested_originals(scope, listed, pairs, now)
    return Known(
        pairs={pair.source_server_id: pair for pair in pairs},
        contested={one.original_instance_id: one for one in contested},
        originals=OriginalStore(pairs_table).get([server.source_server_id for server in listed]),
    )
