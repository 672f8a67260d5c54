"""VerifyInstances: the started instances run, have their address, pass EC2's checks and the plan's."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from shared.aws.cross_account import MemberAccounts
from shared.aws.drs_client import DrsClient
from shared.aws.ec2_client import Ec2Client
from shared.model.ec2 import InstanceHealth
from shared.model.plan import HealthCheck
from shared.model.server import ServerChange, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.launch.polling import ROUND, boot_wait
from shared.rules.launch.verification import Verdict, judge
from shared.services.health_checks import failing_check
from shared.services.launch_watcher import LaunchWatcher
from shared.services.opened_execution import OpenedExecution
from shared.settings import ConfigurationSettings
from shared.store import ExecutionStore
from shared.task import Run, task
from shared.times import iso, parse_time

CHECKERS = 20


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId, wave}`` → ``{pending, recovered, failed, waitSeconds}``."""
    store = run.store
    execution = run.execution
    accounts = run.accounts
    checks = execution.plan.wave(run.wave).health_checks
    patience = timedelta(seconds=execution.policies.verify_timeout_seconds)
    starting = store.servers(run.execution_id, run.wave, statuses=(ServerStatus.STARTING,))
    _see_jobs_end(store, accounts, execution, run)
    changes: list[ServerChange] = []
    for scope in sorted({server.scope for server in starting}):
        servers = [server for server in starting if server.scope == scope]
        health = Ec2Client(accounts, scope).health([server.pair_instance_id or "" for server in servers])
        verdicts = [
            judge(
                server,
                health.get(server.pair_instance_id or ""),
                (run.now - parse_time(server.start_requested_at)).total_seconds(),
            )
            for server in servers
        ]
        verdicts = _with_health_checks(servers, verdicts, health, checks)
        for server, verdict in zip(servers, verdicts, strict=True):
            late = run.now - parse_time(server.start_requested_at) > patience
            ec2 = health.get(server.pair_instance_id or "")
            values = _values(verdict, ec2, iso(run.now), late)
            if values:
                changes.append(ServerChange(server, values))
    done = store.change_servers(run.execution_id, changes, only_from=(ServerStatus.STARTING,))
    return {
        "pending": len(starting) - len(changes),
        "recovered": sum(server.status is ServerStatus.RECOVERED for server in done),
        "failed": sum(server.status is ServerStatus.FAILED for server in done),
        "waitSeconds": boot_wait(_age(starting, run), len(starting) - len(changes)),
    }


def _see_jobs_end(
    store: ExecutionStore, accounts: MemberAccounts, execution: OpenedExecution, run: Run[Any]
) -> None:
    """The wave has gone on when its servers were launched; its jobs end a little later."""
    jobs = store.jobs(run.execution_id, unfinished=True)
    for scope in {job.scope for job in jobs if job.wave == run.wave}:
        if store.claim_round(run.execution_id, scope, run.now, ROUND):
            LaunchWatcher(store, DrsClient(accounts, scope), execution, run.now).look(jobs)


def _age(starting: Sequence[ServerRecord], run: Run[Any]) -> float:
    """Seconds since the last of them was started."""
    asked = [parse_time(server.start_requested_at) for server in starting]
    return (run.now - max(asked)).total_seconds() if asked else 0.0


def _with_health_checks(
    servers: Sequence[ServerRecord],
    verdicts: Sequence[Verdict],
    health: dict[str, InstanceHealth],
    checks: Sequence[HealthCheck],
) -> list[Verdict]:
    """The plan's checks run only where EC2 is content, side by side."""

    def look(server: ServerRecord, verdict: Verdict) -> Verdict:
        if not verdict.passed:
            return verdict
        address = health[server.pair_instance_id or ""].private_ip or ""
        issue = failing_check(checks, address, server.name)
        return Verdict(passed=issue is None, found=issue or verdict.found)

    with ThreadPoolExecutor(CHECKERS) as pool:
        return list(pool.map(look, servers, verdicts))


def _values(verdict: Verdict, ec2: InstanceHealth | None, now: str, late: bool) -> dict[str, Any]:
    """What to record: nothing while the instance may still come up."""
    address = {"private_ip_after": ec2.private_ip if ec2 else None}
    if verdict.passed:
        return {"status": ServerStatus.RECOVERED, "verified_at": now, **address}
    if verdict.hopeless or late:
        reason = verdict.found if verdict.hopeless else f"Not verified in time: {verdict.found}"
        return {"status": ServerStatus.FAILED, "reason": reason, "remedy": verdict.remedy, **address}
    return {}
