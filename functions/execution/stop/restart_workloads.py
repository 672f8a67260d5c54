"""RestartWorkloads: a server that does not come home goes on where it was; exactly one side of it runs.

Its original is stopped first, if it runs, and only when it rests does the workload instance start again.
"""

from __future__ import annotations

from typing import Any

from shared.aws.cross_account import MemberAccounts
from shared.aws.ec2_client import Ec2Client
from shared.model.ec2 import Instance
from shared.model.finding import Finding, Severity
from shared.model.server import ServerChange, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.failback.workloads import TIMEOUT, at_rest, by_workload_scope
from shared.services.workload_instances import workloads
from shared.settings import ExecutionSettings
from shared.task import Run, task
from shared.times import iso, parse_time

RETURNED = "WORKLOAD_RESTARTED"
NOT_RETURNED = "WORKLOAD_NOT_RESTARTED"


@task(ExecutionSettings)
def handler(run: Run[ExecutionSettings]) -> dict[str, Any]:
    """``{executionId, wave}`` → ``{returning, returned, failed}``."""
    store = run.store
    accounts = run.accounts
    servers = [server for server in store.servers(run.execution_id, run.wave) if _is_to_return(server)]
    asked = [
        ServerChange(server, {"workload_return_requested_at": iso(run.now)})
        for server in servers
        if server.workload_return_requested_at is None
    ]
    store.change_settled(run.execution_id, asked)
    originals = _originals(accounts, servers)
    returning = returned = failed = 0
    changes: list[ServerChange] = []
    for scope, members in by_workload_scope(servers):
        instances = workloads(accounts, scope, members)
        back = [s for s in members if _is_back(s, instances[s.source_server_id], originals)]
        changes += [ServerChange(server, _returned(server, run)) for server in back]
        away = [server for server in members if server not in back]
        refused = _bring_back(accounts, away, instances, originals)
        for server in away:
            why = _hopeless(server, instances[server.source_server_id], refused, originals, run)
            if why:
                changes.append(
                    ServerChange(server, _not_returned(server, instances[server.source_server_id], why))
                )
        lost = sum(change.server in away for change in changes)
        returned += len(back)
        failed += lost
        returning += len(away) - lost
    store.change_settled(run.execution_id, changes)
    return {"returning": returning, "returned": returned, "failed": failed}


def _is_to_return(server: ServerRecord) -> bool:
    return (
        server.status is not ServerStatus.RECOVERED
        and server.workload_stop_requested_at is not None
        and server.workload_restarted_at is None
    )


def _originals(accounts: MemberAccounts, servers: list[ServerRecord]) -> dict[str, Instance | None]:
    """The original instances by source server id. Their state decides, so they must be readable."""
    found: dict[str, Instance] = {}
    for scope in sorted({server.scope for server in servers}):
        ids = [server.pair_instance_id or "" for server in servers if server.scope == scope]
        found |= {instance.instance_id: instance for instance in Ec2Client(accounts, scope).instances(ids)}
    return {server.source_server_id: found.get(server.pair_instance_id or "") for server in servers}


def _is_back(server: ServerRecord, instance: Instance | None, originals: dict[str, Instance | None]) -> bool:
    runs = instance is not None and instance.state == "running"
    return runs and at_rest(originals[server.source_server_id])


def _bring_back(
    accounts: MemberAccounts,
    servers: list[ServerRecord],
    instances: dict[str, Instance | None],
    originals: dict[str, Instance | None],
) -> dict[str, str]:
    """Do the next step for each of these; what EC2 said to those it refused, by source server id."""
    refused: dict[str, str] = {}
    for scope in sorted({server.scope for server in servers}):
        running = [
            (server, original)
            for server in servers
            if server.scope == scope
            and (original := originals[server.source_server_id]) is not None
            and original.state == "running"
        ]
        errors = Ec2Client(accounts, scope).stop([original.instance_id for _, original in running])
        for server, original in running:
            if error := errors.get(original.instance_id):
                refused[server.source_server_id] = str(error)
    for scope, members in by_workload_scope(servers):
        stopped = [
            (server, instance)
            for server in members
            if at_rest(originals[server.source_server_id])
            and (instance := instances[server.source_server_id]) is not None
            and instance.state == "stopped"
        ]
        errors = Ec2Client(accounts, scope).start([instance.instance_id for _, instance in stopped])
        for server, instance in stopped:
            if error := errors.get(instance.instance_id):
                refused[server.source_server_id] = str(error)
    return refused


def _hopeless(
    server: ServerRecord,
    instance: Instance | None,
    refused: dict[str, str],
    originals: dict[str, Instance | None],
    run: Run[Any],
) -> str | None:
    """Why the workload will not return; None while it may. A refusal for want of capacity may pass."""
    if instance is None or instance.state in ("terminated", "shutting-down"):
        return f"{server.workload_instance_id} is gone."
    since = server.workload_return_requested_at
    if since is None or run.now - parse_time(since) <= TIMEOUT:
        return None
    original = originals[server.source_server_id]
    if original is not None and not at_rest(original):
        held = f"{original.instance_id} is {original.state}; it must be stopped first."
    else:
        held = f"{instance.instance_id} is {instance.state}."
    return f"{held} {refused.get(server.source_server_id, '')}".strip()


def _returned(server: ServerRecord, run: Run[Any]) -> dict[str, Any]:
    finding = Finding(
        code=RETURNED,
        severity=Severity.WARNING,
        found=f"The workload runs on the recovery side again, on {server.workload_instance_id}.",
        remedy=f"{server.pair_instance_id} is stopped and does not run it. What was written there since the "
        "cutover stays there. Run the failback again when the cause is mended.",
    )
    return {"workload_restarted_at": iso(run.now), "findings": _with(server, finding)}


def _not_returned(server: ServerRecord, instance: Instance | None, why: str) -> dict[str, Any]:
    hangs = instance is not None and instance.state == "stopping"
    force = f"aws ec2 stop-instances --force --instance-ids {server.workload_instance_id}; " if hangs else ""
    remedy = (
        f"Neither side may be running. See that {server.pair_instance_id} is stopped, then start the "
        f"workload: {force}aws ec2 start-instances --instance-ids {server.workload_instance_id}"
    )
    finding = Finding(NOT_RETURNED, Severity.WARNING, f"The workload did not return: {why}", remedy)
    return {"findings": _with(server, finding), "remedy": remedy}


def _with(server: ServerRecord, finding: Finding) -> tuple[Finding, ...]:
    others = tuple(other for other in server.findings if other.code not in (RETURNED, NOT_RETURNED))
    return (*others, finding)
