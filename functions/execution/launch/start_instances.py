"""StartInstances: start what the wave launched, when it is the wave's turn.

In a failback no original is started while its workload runs on the recovery side: one side at a time.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shared.aws.cross_account import MemberAccounts
from shared.aws.ec2_client import Ec2Client
from shared.model.server import Change, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.failback.workloads import by_workload_scope, other_side_runs
from shared.rules.launch.decided_pairs import not_startable
from shared.services.decided_servers import as_decided
from shared.services.withdrawals import WITHDRAWABLE, withdraw
from shared.services.workload_instances import workloads
from shared.settings import LaunchSettings
from shared.task import Run, task
from shared.times import iso


@task(LaunchSettings)
def handler(run: Run[LaunchSettings]) -> dict[str, Any]:
    """``{executionId, wave}`` → ``{starting, failed}``. Starting what runs already is harmless."""
    store, now = run.store, iso(run.now)
    record = store.execution(run.execution_id)
    wave = store.wave(run.execution_id, run.wave)
    servers = store.servers(run.execution_id, run.wave, statuses=WITHDRAWABLE)
    servers = withdraw(store, record, wave, servers)
    launched = [server for server in servers if server.status is ServerStatus.LAUNCHED]
    good, changes = as_decided(run.store, run.execution_id, launched)
    changes += _blocked_by_workload(run.accounts, good)
    blocked = {change.before.source_server_id for change in changes}
    free = [server for server in good if server.source_server_id not in blocked]
    for scope in sorted({server.scope for server in free}):
        ec2 = Ec2Client(run.accounts, scope)
        members, bad = _startable(ec2, [server for server in free if server.scope == scope])
        changes += bad
        refused = ec2.start([s.pair_instance_id or "" for s in members])
        for server in members:
            after = replace(server, status=ServerStatus.STARTING, start_requested_at=now)
            if error := refused.get(server.pair_instance_id or ""):
                after = server.failed(str(error), error.explanation.remedy)
            changes.append(Change(server, after))
    done = store.change_servers(run.execution_id, changes, only_from=(ServerStatus.LAUNCHED,))
    if store.wave(run.execution_id, run.wave).start_began_at is None:  # it was started early
        store.change_wave(run.execution_id, run.wave, {"start_began_at": now})
    starting = sum(server.status is ServerStatus.STARTING for server in done)
    return {"starting": starting, "failed": len(done) - starting}


def _startable(ec2: Ec2Client, servers: list[ServerRecord]) -> tuple[list[ServerRecord], list[Change]]:
    instances = {i.instance_id: i for i in ec2.instances([s.pair_instance_id or "" for s in servers])}
    after = {s.source_server_id: not_startable(s, instances.get(s.pair_instance_id or "")) for s in servers}
    good = [server for server in servers if after[server.source_server_id] is None]
    return good, [Change(s, failed) for s in servers if (failed := after[s.source_server_id])]


def _blocked_by_workload(accounts: MemberAccounts, launched: list[ServerRecord]) -> list[Change]:
    changes = []
    for scope, members in by_workload_scope(launched):
        instances = workloads(accounts, scope, members)
        for server in members:
            if after := other_side_runs(server, instances[server.source_server_id]):
                changes.append(Change(server, after))
    return changes
