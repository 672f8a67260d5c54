"""StopTargets: an instance must be stopped before it can be launched into; see to it, or say why not."""

from __future__ import annotations

from typing import Any

from shared.aws.ec2_client import Ec2Client
from shared.model.ec2 import Instance
from shared.model.policies import Mode, WhenTargetRuns
from shared.model.server import ServerChange, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.failback.workloads import TIMEOUT
from shared.services.opened_execution import OpenedExecution
from shared.settings import ExecutionSettings
from shared.task import Run, task
from shared.times import iso, parse_time

WAITING = (ServerStatus.CONFIGURED, ServerStatus.LAUNCH_FAILED)


@task(ExecutionSettings)
def handler(run: Run[ExecutionSettings]) -> dict[str, Any]:
    """``{executionId, wave}`` → ``{stopped, stopping, failed}``.

    Running ones are stopped only if the plan says so (``whenTargetRuns: STOP``, or in a failback
    ``whenOriginalRuns: STOP``, its default); they may be in use.
    """
    store = run.store
    execution = run.execution
    may_stop, word = _may_stop(execution), execution.record.mode.launches_into
    accounts = run.accounts
    servers = store.servers(run.execution_id, run.wave, statuses=WAITING)
    changes: list[ServerChange] = []
    waited: list[ServerChange] = []
    stopping = 0
    for scope in sorted({server.scope for server in servers}):
        ec2 = Ec2Client(accounts, scope)
        members = [server for server in servers if server.scope == scope]
        instances = {i.instance_id: i for i in ec2.instances([s.pair_instance_id or "" for s in members])}
        to_stop: list[str] = []
        for server in members:
            instance = instances.get(server.pair_instance_id or "")
            issue = _issue(server, instance, may_stop, word)
            if issue:
                changes.append(ServerChange(server, issue))
            elif instance and instance.state != "stopped":
                if _hangs(server, run):
                    changes.append(ServerChange(server, _hanging(instance)))
                    continue
                stopping += 1
                if server.stop_awaited_since is None:
                    waited.append(ServerChange(server, {"stop_awaited_since": iso(run.now)}))
                if instance.state == "running":
                    to_stop.append(instance.instance_id)
        refused = ec2.stop(to_stop) if to_stop else {}
        for server in members:
            if error := refused.get(server.pair_instance_id or ""):
                changes.append(ServerChange(server, _failed(str(error), error.explanation.remedy)))
                stopping -= 1
    store.change_servers(run.execution_id, waited, only_from=WAITING)
    failed = store.change_servers(run.execution_id, changes, only_from=WAITING)
    return {"stopped": len(servers) - stopping - len(failed), "stopping": stopping, "failed": len(failed)}


def _may_stop(execution: OpenedExecution) -> bool:
    policies = execution.policies
    if execution.record.mode is Mode.FAILBACK:
        return policies.failback.when_original_runs is WhenTargetRuns.STOP
    return policies.when_target_runs is WhenTargetRuns.STOP


def _issue(
    server: ServerRecord, instance: Instance | None, may_stop: bool, word: str
) -> dict[str, Any] | None:
    if instance is None:
        return _failed(f"{server.pair_instance_id} is gone.", f"Provide another {word}, then run it again.")
    if not instance.allows_launching_into:
        return _failed(
            f"{instance.instance_id} lost its AWSDRS tag after the checks.",
            f"aws ec2 create-tags --resources {instance.instance_id} "
            "--tags Key=AWSDRS,Value=AllowLaunchingIntoThisInstance, then run the plan again.",
        )
    if instance.state in ("pending", "running") and not may_stop:
        return _failed(
            f"{instance.instance_id} was started after the checks.",
            "Make sure that nobody uses it, then stop it and run the plan again: "
            f"aws ec2 stop-instances --instance-ids {instance.instance_id}",
        )
    return None


def _hangs(server: ServerRecord, run: Run[Any]) -> bool:
    since = server.stop_awaited_since
    return since is not None and run.now - parse_time(since) > TIMEOUT


def _hanging(instance: Instance) -> dict[str, Any]:
    return _failed(
        f"{instance.instance_id} did not stop within {TIMEOUT}: it is {instance.state}.",
        f"aws ec2 stop-instances --force --instance-ids {instance.instance_id}; when it is stopped, run the "
        "plan again for this server.",
    )


def _failed(reason: str, remedy: str) -> dict[str, Any]:
    return {"status": ServerStatus.FAILED, "reason": reason, "remedy": remedy}
