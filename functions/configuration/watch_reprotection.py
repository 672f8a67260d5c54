"""WatchReprotection: are the servers that came home protected again, every disk of them?"""

from __future__ import annotations

from typing import Any

from shared.aws.drs_client import DrsClient
from shared.model.drs import SourceServer
from shared.model.server import ServerChange
from shared.model.status import Protection, ServerStatus
from shared.rules.failback.replication_progress import judge_reprotection
from shared.rules.failback.workloads import by_workload_scope
from shared.settings import ConfigurationSettings
from shared.task import Run, task
from shared.times import iso


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId}`` → ``{pending, protected, failed, bytesLeft, waitSeconds}``."""
    store = run.store
    execution = run.execution
    if execution.record.cancellation is not None:
        return {"pending": 0, "protected": 0, "failed": 0, "bytesLeft": 0, "waitSeconds": 0}
    policies = execution.policies.failback
    accounts = run.accounts
    servers = [s for s in store.servers(run.execution_id) if s.status is ServerStatus.RECOVERED]
    # One that an earlier execution left half retired is believed only when DRS says so.
    unseen = [
        ServerChange(
            server,
            {
                "protection": Protection.RESCANNING,
                "reprotect_requested_at": server.reprotect_requested_at or iso(run.now),
            },
        )
        for server in servers
        if server.protection is Protection.PROTECTED and server.protected_at is None
    ]
    judged_anew = {s.source_server_id: s for s in store.change_settled(run.execution_id, unseen)}
    servers = [judged_anew.get(server.source_server_id, server) for server in servers]

    rescanning = [server for server in servers if server.protection is Protection.RESCANNING]
    sources: dict[str, SourceServer] = {}
    for scope, members in by_workload_scope(rescanning):
        ids = [server.source_server_id for server in members]
        found = DrsClient(accounts, scope).source_servers_by_id(ids, members[0].site)
        sources |= {source.source_server_id: source for source in found}
    verdict = judge_reprotection(servers, sources, policies, run.now)
    store.change_settled(
        run.execution_id,
        [
            ServerChange(server, verdict.changes[server.source_server_id])
            for server in servers
            if server.source_server_id in verdict.changes
        ],
    )
    return {
        "pending": verdict.pending,
        "protected": verdict.protected,
        "failed": verdict.failed,
        "bytesLeft": verdict.bytes_left,
        "waitSeconds": verdict.wait_seconds,
    }
