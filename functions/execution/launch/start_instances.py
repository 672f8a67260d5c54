"""StartInstances: start what the wave launched, when it is the wave's turn; what lacked capacity, again.

In a failback no original is started while its workload runs on the recovery side: one side at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.aws.cross_account import MemberAccounts
from shared.aws.ec2_client import Ec2Client
from shared.aws.instance_starter import InstanceStarter, start_all
from shared.model.ec2 import Instance
from shared.model.server import Change, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.failback.workloads import by_workload_scope, other_side_runs
from shared.rules.launch.decided_pairs import not_startable
from shared.services.decided_servers import as_decided
from shared.services.start_answers import asked_to_start
from shared.services.withdrawals import WITHDRAWABLE, withdraw
from shared.services.workload_instances import workloads
from shared.settings import LaunchSettings
from shared.task import Run, task
from shared.times import iso

STARTABLE = (ServerStatus.LAUNCHED, ServerStatus.STARTING)


@task(LaunchSettings)
def handler(run: Run[LaunchSettings]) -> dict[str, Any]:
    """``{executionId, wave}`` → ``{starting, failed}``. Starting what runs already is harmless.

    ``starting`` includes what EC2 has no capacity for: it is asked for again.
    """
    store, now = run.store, iso(run.now)
    record = store.execution(run.execution_id)
    wave = store.wave(run.execution_id, run.wave)
    servers = store.servers(run.execution_id, run.wave, statuses=(*WITHDRAWABLE, ServerStatus.STARTING))
    servers = withdraw(store, record, wave, servers)
    launched = [s for s in servers if s.status is ServerStatus.LAUNCHED or s.awaits_capacity]
    good, changes = as_decided(run.store, run.execution_id, launched)
    changes += _blocked_by_workload(run.accounts, good)
    blocked = {change.before.source_server_id for change in changes}
    free = [server for server in good if server.source_server_id not in blocked]
    asked, bad = _asked_for(run.accounts, free)
    changes += bad
    answers = start_all([starter for _, starter in asked])
    for (servers, _), refused in zip(asked, answers, strict=True):
        changes += [
            Change(server, asked_to_start(server, refused.get(server.pair_instance_id or ""), now))
            for server in servers
        ]
    done = store.change_servers(run.execution_id, changes, only_from=STARTABLE)
    if store.wave(run.execution_id, run.wave).start_began_at is None:  # it was started early
        store.change_wave(run.execution_id, run.wave, {"start_began_at": now})
    starting = sum(server.status is ServerStatus.STARTING for server in done)
    return {"starting": starting, "failed": len(done) - starting}


def _asked_for(
    accounts: MemberAccounts, servers: list[ServerRecord]
) -> tuple[list[tuple[list[ServerRecord], InstanceStarter]], list[Change]]:
    """Per scope the servers that can be started, with what starts them; the failures of the others."""
    asked, failed = [], []
    for scope in sorted({server.scope for server in servers}):
        ec2 = Ec2Client(accounts, scope)
        members = [server for server in servers if server.scope == scope]
        instances = {i.instance_id: i for i in ec2.instances([s.pair_instance_id or "" for s in members])}
        startable, bad = _startable(members, instances)
        failed += bad
        asked.append((startable, ec2.starter(instances[s.pair_instance_id or ""] for s in startable)))
    return asked, failed


def _startable(
    servers: list[ServerRecord], instances: Mapping[str, Instance]
) -> tuple[list[ServerRecord], list[Change]]:
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
