"""DecidePairs: which instance each server may be launched into, checked again and written once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from shared.model.decided_pair import decided_pair
from shared.model.policies import Mode
from shared.model.server import Change, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.checks.decision import UNDECIDED, counts
from shared.services.earlier_executions import EarlierExecutions
from shared.services.original_decider import OriginalDecider
from shared.services.pair_decider import PairDecider
from shared.services.site_originals import SiteIdentifier
from shared.settings import ConfigurationSettings
from shared.store import DecisionStore, PairStore
from shared.task import Run, task


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId, executionArn}`` → ``{ready, blocked, warnings}``. A repeat decides nothing anew."""
    store = run.store
    servers = [server for server in store.servers(run.execution_id) if server.status in UNDECIDED]
    decisions = DecisionStore(run.settings.pairs_table, run.execution_id)
    known = decisions.get([server.source_server_id for server in servers])
    seen = [server for server in servers if server.source_server_id not in known]
    done = store.change_servers(run.execution_id, _decider(run)(seen), only_from=UNDECIDED) if seen else []
    usable = [server for server in done if server.status is not ServerStatus.BLOCKED]
    # After the records: a server without a decision is decided anew by a repeated call, and never launched.
    expires_at = run.now + timedelta(days=run.settings.retention_days)
    decisions.put([decided_pair(server) for server in usable], expires_at)
    return counts(store.servers(run.execution_id))


def _decider(run: Run[ConfigurationSettings]) -> Callable[[Sequence[ServerRecord]], list[Change]]:
    store, execution, pairs_table = run.store, run.execution, run.settings.pairs_table
    earlier = EarlierExecutions(store, execution, run.text("executionArn"))
    if execution.record.mode is Mode.FAILBACK:
        identifier = SiteIdentifier(store, pairs_table, run.accounts, execution, earlier, run.now)
        return OriginalDecider(execution, identifier).decide
    return PairDecider(store, PairStore(pairs_table), run.accounts, execution, earlier, run.now).decide
