"""Reprotect: make the originals that run again replicate to the recovery side, each exactly once.

ReverseReplication has no client token: the recovery instance at the origin says whether it was asked
already. DRS refuses it (409) until the agent on the original has checked in.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from shared.aws.drs_client import DrsClient
from shared.aws.errors import AwsCallError
from shared.aws.rate_limits import in_parallel
from shared.model.drs import RecoveryInstance
from shared.model.server import ServerChange, ServerRecord
from shared.model.status import Protection, ServerStatus
from shared.rules.drs.drs_error_handler import ErrorKind
from shared.rules.failback.original_identifier import NOT_REVERSED
from shared.rules.launch.polling import step_wait
from shared.settings import ExecutionSettings
from shared.task import Run, task
from shared.times import iso, parse_time

TIMEOUT = timedelta(minutes=30)
"""How long an agent may take to check in after its instance has started."""
HOPELESS = (ErrorKind.DENIED, ErrorKind.INVALID)
OPEN = (None, Protection.RETURNING)


@task(ExecutionSettings)
def handler(run: Run[ExecutionSettings]) -> dict[str, Any]:
    """``{executionId}`` → ``{waiting, requested, failed, waitSeconds}``."""
    store = run.store
    if store.execution(run.execution_id).cancellation is not None:
        return {"waiting": 0, "requested": 0, "failed": 0, "waitSeconds": 0}
    accounts = run.accounts
    servers = [
        server
        for server in store.servers(run.execution_id)
        if server.status is ServerStatus.RECOVERED and server.protection in OPEN
    ]
    first = {"protection": Protection.RETURNING, "reprotect_requested_at": iso(run.now)}
    begun = [ServerChange(s, first) for s in servers if s.protection is None]
    servers = [s for s in servers if s.protection is not None]
    servers += store.change_settled(run.execution_id, begun)
    changes: list[ServerChange] = []
    for scope in sorted({server.scope for server in servers}):
        drs = DrsClient(accounts, scope)
        members = [server for server in servers if server.scope == scope]
        found = drs.recovery_instances([server.drs_server_id for server in members])
        instances = {(instance.source_server_id, instance.ec2_instance_id): instance for instance in found}

        def ask(
            server: ServerRecord, drs: DrsClient = drs, instances: dict[Any, RecoveryInstance] = instances
        ) -> ServerChange | None:
            instance = instances.get((server.drs_server_id, server.pair_instance_id))
            values = _values(server, *_ask(drs, server, instance), run)
            return ServerChange(server, values) if values else None

        answers = in_parallel(ask, members, api="ReverseReplication", scope=lambda server: server.scope)
        changes += [change for change in answers if change]
    done = store.change_settled(run.execution_id, changes)
    requested = sum(server.protection is Protection.RESCANNING for server in done)
    decided = {change.server.source_server_id for change in changes}
    waiting = [server for server in servers if server.source_server_id not in decided]
    return {
        "waiting": len(waiting),
        "requested": requested,
        "failed": len(done) - requested,
        "waitSeconds": step_wait((server.reprotect_requested_at for server in waiting), run.now),
    }


def _ask(
    drs: DrsClient, server: ServerRecord, instance: RecoveryInstance | None
) -> tuple[AwsCallError | str | None, bool]:
    """What keeps the server from being protected again (None: nothing), and whether it may pass."""
    if instance is None:
        return f"DRS shows no recovery instance for {server.pair_instance_id} at the origin.", True
    if instance.replication_state not in (None, NOT_REVERSED):
        return None, True  # by an earlier call, whose answer was lost, or an execution that was killed
    try:
        drs.reverse_replication(instance.recovery_instance_id)
    except AwsCallError as error:
        return error, error.explanation.kind not in HOPELESS
    return None, True


def _values(
    server: ServerRecord, issue: AwsCallError | str | None, may_pass: bool, run: Run[Any]
) -> dict[str, Any]:
    """What to record: nothing while it may still succeed."""
    if issue is None:
        return {"protection": Protection.RESCANNING, "protection_reason": None, "protection_remedy": None}
    if may_pass and run.now - parse_time(server.reprotect_requested_at) <= TIMEOUT:
        return {}
    advice = issue.explanation.remedy if isinstance(issue, AwsCallError) and not may_pass else CHECK_AGENT
    return {
        "protection": Protection.UNPROTECTED,
        "protection_reason": f"It could not be protected again: {issue}",
        "protection_remedy": f"{advice.format(instance=server.pair_instance_id)} "
        "Then run the failback again: it goes on from there.",
    }


CHECK_AGENT = (
    "Look at the DRS agent on {instance}: its instance profile needs "
    "AWSElasticDisasterRecoveryRecoveryInstancePolicy, the instance metadata must be reachable, and TCP 443 "
    "to the DRS and S3 endpoints of the recovery Region open."
)
