"""StopWorkloads: in a failback, stop the recovery side before the origin is launched into, or started.

``before: LAUNCH`` stops the workloads unless the plan keeps them until the originals start
(``stopWorkload: BEFORE_START``); ``before: START`` stops them in any case: one side runs at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shared.aws.ec2_client import Ec2Client
from shared.model.ec2 import Instance
from shared.model.policies import StopWorkload
from shared.model.server import Change, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.failback.workload_stop import workload_stopping
from shared.rules.failback.workloads import by_workload_scope, is_stopped
from shared.services.decided_servers import as_decided
from shared.services.workload_instances import workloads
from shared.settings import StopSettings
from shared.task import Run, task

WAITING = {
    "LAUNCH": (ServerStatus.CONFIGURED, ServerStatus.LAUNCH_FAILED),
    "START": (ServerStatus.LAUNCHED,),
}


@task(StopSettings, freezable=True)
def handler(run: Run[StopSettings]) -> dict[str, Any]:
    """``{executionId, wave, before: LAUNCH | START}`` → ``{stopped, stopping, failed}``."""
    before = run.text("before")
    policy = run.execution.policies.failback.stop_workload
    if before == "LAUNCH" and policy is StopWorkload.BEFORE_START:
        return {"stopped": 0, "stopping": 0, "failed": 0}
    waiting = WAITING[before]
    found = [s for s in run.store.servers(run.execution_id, run.wave) if s.status in waiting]
    servers, undecided = as_decided(run.store, run.execution_id, found)
    failed = len(run.store.change_servers(run.execution_id, undecided, only_from=waiting))
    stopped = stopping = 0
    for scope, members in by_workload_scope(servers):
        instances = workloads(run.accounts, scope, members)
        changes = [Change(s, workload_stopping(s, instances[s.source_server_id], run.now)) for s in members]
        # Recorded before the call: RestartWorkloads must know which workloads to restart.
        done = run.store.change_servers(run.execution_id, changes, only_from=waiting)
        to_stop = _running(done, instances)
        refused = Ec2Client(run.accounts, scope).stop(
            [s.failback.workload_instance_id or "" for s in to_stop]
        )
        denied = [
            Change(server, server.failed(str(error), error.explanation.remedy))
            for server in to_stop
            if (error := refused.get(server.failback.workload_instance_id or ""))
        ]
        run.store.change_servers(run.execution_id, denied, only_from=waiting)
        at_end = sum(is_stopped(instances[server.source_server_id]) for server in members)
        failing = sum(server.status is ServerStatus.FAILED for server in done) + len(denied)
        stopped += at_end
        failed += failing
        stopping += len(members) - at_end - failing
    return {"stopped": stopped, "stopping": stopping, "failed": failed}


def _running(servers: Sequence[ServerRecord], instances: Mapping[str, Instance | None]) -> list[ServerRecord]:
    """Of the servers that did not fail, those whose workload instance runs."""
    return [
        server
        for server in servers
        if server.status is not ServerStatus.FAILED
        and (instance := instances[server.source_server_id]) is not None
        and instance.state == "running"
    ]
