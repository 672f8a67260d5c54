"""WatchReprotection: whether the failed-back servers are protected again, every disk of them."""

from __future__ import annotations

from typing import Any

from shared.model.server import Change
from shared.model.status import Protection, ServerStatus
from shared.rules.failback.reprotection import is_unseen, judged_anew
from shared.rules.failback.reprotection_progress import judge_reprotection
from shared.rules.launch.polling import long_wait, since_start
from shared.services.replication_reader import protecting_sources
from shared.settings import ConfigurationSettings
from shared.task import Run, task


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId}`` → ``{pending, protected, failed, bytesLeft, waitSeconds}``."""
    store, execution = run.store, run.execution
    if execution.record.cancellation is not None:
        return {"pending": 0, "protected": 0, "failed": 0, "bytesLeft": 0, "waitSeconds": 0}
    servers = [s for s in store.servers(run.execution_id) if s.status is ServerStatus.RECOVERED]
    unseen = [Change(server, judged_anew(server, run.now)) for server in servers if is_unseen(server)]
    anew = {s.source_server_id: s for s in store.change_settled(run.execution_id, unseen)}
    servers = [anew.get(server.source_server_id, server) for server in servers]

    rescanning = [server for server in servers if server.failback.protection is Protection.RESCANNING]
    sources = protecting_sources(run.accounts, rescanning)
    asked = [server.failback.reprotect_requested_at for server in rescanning]
    since = since_start(asked, execution.record.started_at)
    verdict = judge_reprotection(servers, sources, execution.policies.failback, run.now)
    store.change_settled(run.execution_id, verdict.changes)
    return {
        "pending": verdict.pending,
        "protected": verdict.protected,
        "failed": verdict.failed,
        "bytesLeft": verdict.bytes_left,
        "waitSeconds": long_wait(verdict.wait_seconds, since, run.now),
    }
