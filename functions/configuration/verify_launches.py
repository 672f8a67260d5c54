"""VerifyLaunches: every server was launched into its very pair, and DRS left it stopped.

A completed job says nothing about servers: the recovery instance and EC2 do. What the launch detached is
recorded: it is still billed.
"""

from __future__ import annotations

from typing import Any

from shared.aws.drs_client import DrsClient
from shared.aws.ec2_client import Ec2Client
from shared.model.drs import RecoveryInstance
from shared.model.finding import Finding, Severity
from shared.model.server import ServerChange, ServerRecord
from shared.model.status import Adoption, ServerStatus
from shared.services.detached_volumes import left_volumes
from shared.settings import ConfigurationSettings
from shared.task import Run, task

STARTED_BY_DRS = "STARTED_BY_DRS"


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId, wave}`` → ``{confirmed, failed, startedByDrs}``."""
    store = run.store
    execution = run.execution
    accounts = run.accounts
    launched = store.servers(run.execution_id, run.wave, statuses=(ServerStatus.LAUNCHED,))
    changes: list[ServerChange] = []
    for scope in sorted({server.scope for server in launched}):
        servers = [server for server in launched if server.scope == scope]
        ids = [server.drs_server_id for server in servers]
        instances = {i.source_server_id: i for i in DrsClient(accounts, scope).recovery_instances(ids)}
        pairs = [server.pair_instance_id or "" for server in servers]
        ec2_client = Ec2Client(accounts, scope)
        described = {instance.instance_id: instance for instance in ec2_client.instances(pairs)}
        left = left_volumes(ec2_client, servers, described, execution)
        for server in servers:
            ec2 = described.get(server.pair_instance_id or "")
            running = ec2 is not None and ec2.state in ("pending", "running")
            # What an earlier execution has launched, it may have started as well.
            running = running and server.adoption is not Adoption.LAUNCH
            verdict = _verdict(server, instances.get(server.drs_server_id), running)
            volumes = left.get(server.source_server_id, ())
            changes.append(ServerChange(server, {**verdict, "detached_volumes": volumes}))
    done = store.change_servers(run.execution_id, changes, only_from=(ServerStatus.LAUNCHED,))
    confirmed = [server for server in done if server.status is ServerStatus.LAUNCHED]
    return {
        "confirmed": len(confirmed),
        "failed": len(done) - len(confirmed),
        "startedByDrs": sum(server.started_by_drs for server in confirmed),
    }


def _verdict(server: ServerRecord, instance: RecoveryInstance | None, running: bool) -> dict[str, Any]:
    if instance is not None and instance.ec2_instance_id == server.pair_instance_id:
        findings = tuple(finding for finding in server.findings if finding.code != STARTED_BY_DRS)
        if running:
            findings += (_started_by_drs(server),)
        values = {"recovery_instance_id": instance.recovery_instance_id, "started_by_drs": running}
        return {**values, "findings": findings, "reason": None, "remedy": None}
    found = f"into {instance.ec2_instance_id}" if instance else "but shows no recovery instance"
    return {
        "status": ServerStatus.FAILED,
        "recovery_instance_id": instance.recovery_instance_id if instance else None,
        "reason": f"DRS says launched, {found}; the pair is {server.pair_instance_id}.",
        "remedy": "Look at the recovery instance in the DRS console before starting either instance; "
        "check launchIntoInstanceProperties of the launch configuration, then run the plan again.",
    }


def _started_by_drs(server: ServerRecord) -> Finding:
    return Finding(
        code=STARTED_BY_DRS,
        severity=Severity.WARNING,
        found=f"DRS started {server.pair_instance_id} at its launch, though told to leave it stopped: it did "
        "not wait for the waves that its wave depends on.",
        remedy="Check that its applications stood it. Next time run the plan with launchOrder BY_WAVE: then "
        "nothing is launched before what it depends on is there.",
    )
