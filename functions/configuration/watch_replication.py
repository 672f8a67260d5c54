"""WatchReplication: how far the copies at the origin are, with one call per scope and poll."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shared.model.server import ServerRecord
from shared.model.status import ServerStatus
from shared.rules.control.cutover import BEFORE_CUTOVER, cutover_action, drained
from shared.rules.failback.replication_progress import JUDGED, judge_replication
from shared.rules.launch.polling import long_wait, since_start
from shared.services.pause_reminder import remind_of_pause
from shared.services.replication_reader import reversed_sources
from shared.settings import ConfigurationSettings
from shared.task import Run, task


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId, drained?}`` → ``{action, replicating, replicated, failed, newlyStalled, bytesLeft,
    secondsLeft, waitSeconds}``. ``action`` is WAIT, GO, STOP or CANCEL; bytes and seconds are estimates.

    ``drained``: the workload was quiesced, so wait until nothing is left to be replicated.
    """
    record, policies = run.execution.record, run.execution.policies.failback
    servers = run.store.servers(run.execution_id)
    # What an earlier execution has launched is judged by its job, not by its replication.
    judged = [server for server in servers if server.adoption is None]
    sources = reversed_sources(run.accounts, judged)
    limits = drained(policies, judged) if run.event.get("drained") else policies
    remind_of_pause(run.store, run.execution, run.settings, run.now)
    verdict = judge_replication(judged, sources, limits, run.now)
    run.store.change_servers(run.execution_id, verdict.changes, only_from=JUDGED)
    after = verdict.servers + [server for server in servers if server.adoption is not None]
    return {
        "action": cutover_action(verdict, record, policies),
        "replicating": verdict.replicating,
        "replicated": sum(server.status in BEFORE_CUTOVER for server in after),
        "failed": sum(server.status is ServerStatus.FAILED for server in after),
        "newlyStalled": len(verdict.newly_stalled),
        "bytesLeft": verdict.bytes_left,
        "secondsLeft": verdict.seconds_left,
        "waitSeconds": _wait(verdict.wait_seconds, run, after),
    }


def _wait(seconds: int, run: Run[ConfigurationSettings], servers: Sequence[ServerRecord]) -> int:
    """Until the next poll: soon where the workload is quiesced, else less often the longer it takes."""
    if run.event.get("drained"):
        return seconds
    asked = [server.failback.reverse_requested_at for server in servers]
    return long_wait(seconds, since_start(asked, run.execution.record.started_at), run.now)
