"""Verifies started instances by EC2's status checks, and where these pass by the plan's own checks."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

from shared.aws.cross_account import MemberAccounts
from shared.aws.ec2_client import Ec2Client
from shared.model.ec2 import InstanceHealth
from shared.model.plan import HealthCheck
from shared.model.scope import Scope
from shared.model.server import Change, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.failback.workloads import by_workload_scope, left_behind
from shared.rules.launch.verification import Verdict, given_up, judge, verified
from shared.services.health_checks import failing_check
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
        verdict = _with_checks(server, judge(server, health, since_start), health, checks)
        return Change(server, verified(server, verdict, health, now, timeout))

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


def _with_checks(
    server: ServerRecord, verdict: Verdict, health: InstanceHealth | None, checks: Sequence[HealthCheck]
) -> Verdict:
    """The plan's checks run only where EC2's pass."""
    if not verdict.passed or health is None:
        return verdict
    issue = failing_check(checks, health.private_ip or "", server.name)
    return Verdict(passed=issue is None, found=issue or verdict.found)
