"""StopWorkloads: in a failback the recovery side rests before the origin gets its volumes, or before it runs.

``before: LAUNCH`` stops the workloads unless the plan keeps them until the originals are to start
(``stopWorkload: BEFORE_START``); ``before: START`` sees to it in any case: one side runs at a time.
"""

from __future__ import annotations

from typing import Any

from shared.aws.ec2_client import Ec2Client
from shared.model.ec2 import Instance
from shared.model.policies import StopWorkload
from shared.model.server import ServerChange, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.failback.workloads import TIMEOUT, at_rest, by_workload_scope
from shared.services.workload_instances import workloads
from shared.settings import ExecutionSettings
from shared.task import Run, task
from shared.times import iso, parse_time

WAITING = {
    "LAUNCH": (ServerStatus.CONFIGURED, ServerStatus.LAUNCH_FAILED),
    "START": (ServerStatus.LAUNCHED,),
}


@task(ExecutionSettings)
def handler(run: Run[ExecutionSettings]) -> dict[str, Any]:
    """``{executionId, wave, before: LAUNCH | START}`` → ``{stopped, stopping, failed}``."""
    store = run.store
    before = run.text("before")
    policy = run.execution.policies.failback.stop_workload
    if before == "LAUNCH" and policy is StopWorkload.BEFORE_START:
        return {"stopped": 0, "stopping": 0, "failed": 0}
    accounts = run.accounts
    waiting = WAITING[before]
    servers = [s for s in store.servers(run.execution_id, run.wave) if s.status in waiting]
    stopped = stopping = failed = 0
    for scope, members in by_workload_scope(servers):
        instances = workloads(accounts, scope, members)
        changes = [ServerChange(s, _values(s, instances[s.source_server_id], run)) for s in members]
        # Recorded before it is asked for: whoever ends the wave must know that the workload is to return.
        done = store.change_servers(run.execution_id, changes, only_from=waiting)
        failing = [server for server in done if server.status is ServerStatus.FAILED]
        to_stop = [
            server
            for server in done
            if server.status is not ServerStatus.FAILED
            and (instance := instances[server.source_server_id]) is not None
            and instance.state == "running"
        ]
        refused = Ec2Client(accounts, scope).stop([s.workload_instance_id or "" for s in to_stop])
        denied = [
            ServerChange(server, _failed(str(error), error.explanation.remedy))
            for server in to_stop
            if (error := refused.get(server.workload_instance_id or ""))
        ]
        store.change_servers(run.execution_id, denied, only_from=waiting)
        resting = sum(at_rest(instances[server.source_server_id]) for server in members)
        stopped += resting
        failed += len(failing) + len(denied)
        stopping += len(members) - resting - len(failing) - len(denied)
    return {"stopped": stopped, "stopping": stopping, "failed": failed}


def _values(server: ServerRecord, instance: Instance | None, run: Run[Any]) -> dict[str, Any]:
    requested = server.workload_stop_requested_at
    if at_rest(instance):
        # One that is stopped already was stopped for this cutover, by an execution that was killed in it:
        # should this one fail, its workload has to return all the same.
        return {
            "workload_stop_requested_at": requested or iso(run.now),
            "workload_stopped_at": server.workload_stopped_at or iso(run.now),
        }
    if requested is None or server.workload_stopped_at:  # or it was started again meanwhile
        return {"workload_stop_requested_at": iso(run.now), "workload_stopped_at": None}
    if run.now - parse_time(requested) > TIMEOUT and instance:
        return _failed(
            f"Its workload on {instance.instance_id} did not stop within {TIMEOUT}: it is {instance.state}.",
            f"aws ec2 stop-instances --force --instance-ids {instance.instance_id}; when it is stopped, run "
            "the failback again for this server.",
        )
    return {"workload_stop_requested_at": requested}


def _failed(reason: str, remedy: str) -> dict[str, Any]:
    return {"status": ServerStatus.FAILED, "reason": reason, "remedy": remedy}
