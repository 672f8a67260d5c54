"""Recovery instances: describe, terminate, disconnect, delete the record."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from drs_emulator import views
from drs_emulator.core import new_job
from drs_emulator.ec2 import instances
from drs_emulator.errors import BUSY_SERVER, ConflictError, ResourceNotFoundError
from drs_emulator.jobs.terminate_job import TerminateJob
from drs_emulator.operations import quotas
from drs_emulator.operations.registry import Call, operation
from drs_emulator.replication import agents, reversal
from drs_emulator.replication.failback_state import reversed_server
from drs_emulator.state import Participant, RecoveryInstance
from drs_emulator.wire.omit_absent import present
from drs_emulator.wire.paging import page


@operation("DescribeRecoveryInstances", calls_ec2=True)
def describe_recovery_instances(call: Call) -> dict[str, Any]:
    """Recovery instances by id and by source server, with the state EC2 shows for them now."""
    core, scope = call.core, call.scope
    filters = call.params.get("filters", {})
    ids, servers = filters.get("recoveryInstanceIDs"), filters.get("sourceServerIDs")
    with core.lock:
        _forget_terminated(call)
        chosen = [
            item
            for item in scope.recovery_instances.values()
            if (not ids or item.instance_id in ids) and (not servers or item.server_id in servers)
        ]
        found, token = page(
            "DescribeRecoveryInstances", call.params, core.settings, chosen, lambda item: item.instance_id
        )
    alive = [item.instance_id for item in found if item.terminated_at is None]
    seen = instances.describe(core.ec2(scope, None), alive) if alive else {}
    with core.lock:
        items = []
        for item in found:
            terminated = item.terminated_at is not None
            state = "TERMINATED" if terminated else instances.state_of(seen.get(item.instance_id))
            server = scope.servers.get(item.server_id)
            replicates_to = reversed_server(core, item)
            if replicates_to is not None and replicates_to.direction == "FAILBACK":
                agents.record_state(core, replicates_to, state)
            items.append(views.recovery_instance(core, scope, item, state, server))
    return present({"items": items, "nextToken": token})


def _forget_terminated(call: Call) -> None:
    keep = timedelta(seconds=call.core.settings.terminated_records_seconds)
    now = call.core.now()
    records = call.scope.recovery_instances
    for item in list(records.values()):
        if item.terminated_at is not None and now >= item.terminated_at + keep:
            call.core.guess("terminated_records_seconds")
            del records[item.instance_id]


@operation("TerminateRecoveryInstances")
def terminate_recovery_instances(call: Call) -> dict[str, Any]:
    """Start a TERMINATE job; it really terminates the EC2 instances, launched-into ones too.

    Refused while one of them replicates back.
    """
    core, scope = call.core, call.scope
    participants: list[Participant] = []
    for instance_id in call.params["recoveryInstanceIDs"]:
        item = scope.recovery_instances.get(instance_id)
        if item is None or item.terminated_at is not None:
            raise call.unmodelled_missing("Recovery instance", instance_id)
        reversal.refuse_termination(core, scope, item)
        server = scope.servers.get(item.server_id)
        if server is not None and core.is_busy(scope, server):
            raise ConflictError(BUSY_SERVER)
        participants.append(Participant(item.server_id, recovery_instance_id=instance_id))
    if len({part.recovery_instance_id for part in participants}) < len(participants):
        raise ConflictError("A recovery instance is listed twice")
    quotas.check_job(core, scope, len(participants))
    job = new_job(core, scope, "TERMINATE", "TERMINATE_RECOVERY_INSTANCES", call.caller, participants, {})
    TerminateJob(core, scope, job).begin()
    return {"job": views.job(core, job)}


@operation("DisconnectRecoveryInstance")
def disconnect_recovery_instance(call: Call) -> dict[str, Any]:
    """Take a recovery instance out of DRS; the EC2 instance keeps running.

    "Not possible once reversed replication was started" (DRS user guide, failback between Regions).
    """
    item = call.recovery_instance()
    if item is None:
        raise ResourceNotFoundError(
            f"Recovery instance {call.params['recoveryInstanceID']} not found",
            resource_id=call.params["recoveryInstanceID"],
            kind="RECOVERY_INSTANCE",
        )
    _refuse_busy(call, item)
    if item.reversed_to is not None:
        raise ConflictError(
            f"Recovery instance {item.instance_id} cannot be disconnected: its replication was reversed",
            resource_id=item.instance_id,
            kind="RECOVERY_INSTANCE",
        )
    item.replication_state = "DISCONNECTED"
    return {}


@operation("DeleteRecoveryInstance")
def delete_recovery_instance(call: Call) -> dict[str, Any]:
    """Delete the record, which "must be disconnected first" (API reference). EC2 is unchanged.

    One that was reversed is deleted as it is, but not while it still replicates back.
    """
    item = call.recovery_instance()
    if item is None:
        raise call.unmodelled_missing("Recovery instance", call.params["recoveryInstanceID"])
    _refuse_busy(call, item)
    reversal.refuse_deletion(call.core, call.scope, item)
    connected = item.replication_state != "DISCONNECTED" and item.reversed_to is None
    if connected and item.terminated_at is None:
        raise ConflictError(
            f"Recovery instance {item.instance_id} must be disconnected before it is deleted",
            resource_id=item.instance_id,
            kind="RECOVERY_INSTANCE",
        )
    server = call.scope.servers.get(item.server_id)
    if server is not None and server.recovery_instance_id == item.instance_id:
        server.recovery_instance_id = None
        if not item.launched_into and not reversal.is_protected(call.core, server, item):
            server.left_behind.append(item.instance_id)
    del call.scope.recovery_instances[item.instance_id]
    return {}


def _refuse_busy(call: Call, item: RecoveryInstance) -> None:
    server = call.scope.servers.get(item.server_id)
    if server is not None:
        call.refuse_busy(server)
