"""WatchReplication: how far the copies at the origin are, at the price of one look per scope and round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from shared.aws.cross_account import MemberAccounts
from shared.aws.drs_client import DrsClient
from shared.model.drs import SourceServer
from shared.model.policies import FailbackPolicies, OnReplicationTimeout
from shared.model.server import ServerChange, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.control.pauses import cutover_pause
from shared.rules.failback.replication_progress import JUDGED, PAST_REPLICATION, Action, judge_replication
from shared.settings import ConfigurationSettings
from shared.task import Run, task
from shared.times import parse_time

DRAIN = timedelta(minutes=15)
"""How long the last writes of a workload at rest may take to the origin."""
BEFORE_CUTOVER = frozenset(PAST_REPLICATION) - {ServerStatus.RECOVERED}


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId, drained?}`` → ``{action, replicating, replicated, failed, newlyStalled, bytesLeft,
    secondsLeft, waitSeconds}``. ``action`` is WAIT, GO, STOP or CANCEL; bytes and seconds are estimates.

    ``drained``: the workload was quiesced, so wait until nothing is left to be replicated.
    """
    store = run.store
    execution = run.execution
    servers = store.servers(run.execution_id)
    # What an earlier execution has launched is judged by its job, not by its replication.
    judged = [server for server in servers if server.adoption is None]
    sources = _sources(run.accounts, judged)
    policies = execution.policies.failback
    if run.event.get("drained"):
        policies = _drained(policies, judged, run)
    verdict = judge_replication(judged, sources, policies, run.now)
    by_id = {server.source_server_id: server for server in judged}
    store.change_servers(
        run.execution_id,
        [ServerChange(by_id[server_id], values) for server_id, values in verdict.changes.items()],
        only_from=JUDGED,
    )
    after = [replace(s, **verdict.changes.get(s.source_server_id, {})) for s in judged]
    after += [server for server in servers if server.adoption is not None]
    # Where nobody is left to go on with, the execution comes to its end by itself.
    nobody_left = verdict.action is Action.STOP and not verdict.too_late
    action = Action.GO if nobody_left else verdict.action
    if action is Action.GO and cutover_pause(execution.record, execution.policies.failback):
        action = Action.WAIT
    return {
        "action": "CANCEL" if execution.record.cancellation else action.value,
        "replicating": verdict.replicating,
        "replicated": sum(server.status in BEFORE_CUTOVER for server in after),
        "failed": sum(server.status is ServerStatus.FAILED for server in after),
        "newlyStalled": len(verdict.newly_stalled),
        "bytesLeft": verdict.bytes_left,
        "secondsLeft": verdict.seconds_left,
        "waitSeconds": verdict.wait_seconds,
    }


def _sources(accounts: MemberAccounts, servers: Sequence[ServerRecord]) -> dict[str, SourceServer]:
    """The reversed servers of those that are to be judged, by their id."""
    wanted = [server for server in servers if server.reversed_server_id and server.status in JUDGED]
    found: dict[str, SourceServer] = {}
    for scope, site in sorted({(server.scope, server.site) for server in wanted}):
        ids = [server.drs_server_id for server in wanted if (server.scope, server.site) == (scope, site)]
        sources = DrsClient(accounts, scope).source_servers_by_id(ids, site)
        found |= {source.source_server_id: source for source in sources}
    return found


def _drained(policies: FailbackPolicies, servers: Sequence[ServerRecord], run: Run[Any]) -> FailbackPolicies:
    """No lag any more; and a deadline that counts from the moment that the last workload was at rest."""
    rested = [parse_time(server.quiesced_at) for server in servers if server.quiesced_at]
    begun = [parse_time(s.reverse_requested_at) for s in servers if s.reverse_requested_at]
    if not rested or not begun:
        return replace(policies, max_lag_seconds=0)
    deadline = max(rested) + DRAIN - min(begun)
    return replace(
        policies,
        max_lag_seconds=0,
        replication_deadline_seconds=int(deadline.total_seconds()),
        on_replication_timeout=OnReplicationTimeout.STOP,
    )
