"""DecidePairs: which instance each server may be launched into, checked again and written once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.model.decided_pair import decided_pair
from shared.model.policies import Mode
from shared.model.quotas import KnownLimits
from shared.model.server import ServerRecord
from shared.model.status import ServerStatus
from shared.model.unreadable_site import UnreadableSite
from shared.rules.checks.decision import UNDECIDED, counts
from shared.rules.checks.pair_decision import as_found, one_of_each
from shared.services.earlier_executions import EarlierExecutions
from shared.services.left_overs import count_left_overs
from shared.services.original_decider import OriginalDecider
from shared.services.pair_decider import Decisions, PairDecider
from shared.services.site_originals import SiteIdentifier
from shared.services.stored_plans import other_plans
from shared.settings import ConfigurationSettings
from shared.store import PlanStore
from shared.task import Run, task


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId, executionArn}`` → ``{ready, blocked, warnings, leftOvers}``; a repeat decides no more.

    Until here nothing is on record of a server but findings. What it could not decide is BLOCKED, and what
    a finding blocked stays so.
    """
    store = run.store
    recorded = {server.source_server_id for server in store.servers(run.execution_id)}
    found = run.findings.servers(run.execution_id)
    seen = [server for server in found if server.source_server_id not in recorded]
    store.put_facts(run.execution_id, run.findings.facts(run.execution_id, UnreadableSite))
    if seen:
        decided = _decide(run, [server for server in seen if server.status in UNDECIDED])
        others = [as_found(server) for server in seen if server.status not in UNDECIDED]
        limits = run.findings.facts(run.execution_id, KnownLimits)
        store.put_facts(run.execution_id, [*limits, *decided.facts])
        # A server whose wave is changed meanwhile is found with one wave, and read with another or none.
        new = [s for s in one_of_each([*decided.servers, *others]) if s.source_server_id not in recorded]
        store.put_servers(run.execution_id, new)
    servers = store.servers(run.execution_id)
    usable = [server for server in servers if server.status is not ServerStatus.BLOCKED]
    # After the records: a server without a decision is never launched, and a repeated call decides by them.
    store.put_decisions(run.execution_id, [decided_pair(server) for server in usable])
    return {**counts(servers), "leftOvers": _left_overs(run, servers)}


def _left_overs(run: Run[ConfigurationSettings], servers: Sequence[ServerRecord]) -> int:
    """Of how many servers an earlier failback left something that is to be retired before a launch."""
    record = run.execution.record
    if record.dry_run or record.mode is Mode.FAILBACK:
        return 0
    return count_left_overs(run.settings.pairs_table, servers)


def _decide(run: Run[ConfigurationSettings], seen: Sequence[ServerRecord]) -> Decisions:
    store, execution, pairs_table = run.store, run.execution, run.settings.pairs_table
    earlier = EarlierExecutions(store, execution, run.text("executionArn"))
    if execution.record.mode is Mode.FAILBACK:
        identifier = SiteIdentifier(store, pairs_table, run.accounts, execution, earlier, run.now)
        return OriginalDecider(execution, identifier).decide(seen)
    others = other_plans(PlanStore(run.settings.plans_table), execution.plan.name)
    return PairDecider(store, pairs_table, run.accounts, execution, earlier, run.now).decide(seen, others)
