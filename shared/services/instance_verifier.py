"""Verifies started instances by EC2's status checks, and where these pass by the plan's own checks."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

from shared.aws.cross_account import MemberAccounts
from shared.aws.ec2_client import Ec2Client
from shared.model.plan import HealthCheck
from shared.model.scope import Scope
from shared.model.server import Change, HealthResult, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.failback.workloads import by_workload_scope, left_behind
from shared.rules.launch.verification import given_up, judge, verified, with_results
from shared.services.health_checks import run_health_checks
from shared.services.workload_instances import workloads
from shared.times import parse_time

CHECKERS = 20


def verify(
    accounts: MemberAccounts,
    scope: Scope,
    servers: Sequence[ServerRecord],
    checks: Sequence[HealthCheck],
    now: datetime,
    timeout: timedelta,
) -> list[Change]:
    """The changes of those servers of one scope that are verified, failed, or are to be started again."""
    waiting = [server for server in servers if server.awaits_capacity]
    over = [Change(server, given_up(server, now, timeout)) for server in waiting]
    servers = [server for server in servers if not server.awaits_capacity]
    found = Ec2Client(accounts, scope).health([server.pair_instance_id or "" for server in servers])

    def check(server: ServerRecord) -> Change:
        health = found.get(server.pair_instance_id or "")
        since_start = (now - parse_time(server.start_requested_at)).total_seconds()
        verdict = judge(server, health, since_start)
        # The plan's checks run only where EC2's pass.
        results: tuple[HealthResult, ...] = ()
        if verdict.passed and health is not None:
            results = run_health_checks(checks, health.private_ip or "", server.name)
        after = verified(server, with_results(verdict, results), health, now, timeout)
        # While it may still come up nothing is written: each poll would be a write.
        return Change(server, after if after == server else replace(after, health_results=results))

    with ThreadPoolExecutor(CHECKERS) as pool:
        changes = [change for change in (*over, *pool.map(check, servers)) if change.values]
    return _without_left_behind(accounts, changes)


def _without_left_behind(accounts: MemberAccounts, changes: Sequence[Change]) -> list[Change]:
    """In a failback, the workload may have been started again since the original was."""
    passed = [change.before for change in changes if change.after.status is ServerStatus.RECOVERED]
    failed: dict[str, ServerRecord] = {}
    for scope, members in by_workload_scope(passed):
        found = workloads(accounts, scope, members)
        for server in members:
            if outdated := left_behind(server, found[server.source_server_id]):
                failed[server.source_server_id] = outdated
    return [replace(c, after=failed.get(c.before.source_server_id, c.after)) for c in changes]
