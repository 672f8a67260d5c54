"""Failback: reverse the replication of a recovery instance; the operations of the failback client."""

from __future__ import annotations

from typing import Any

from drs_emulator.ec2 import instances
from drs_emulator.errors import ConflictError, ResourceNotFoundError, ValidationError
from drs_emulator.operations.registry import Call, operation
from drs_emulator.replication import agents, events, reversal
from drs_emulator.state import RecoveryInstance

_CLIENT_SETTINGS = {
    "name": "",
    "bandwidthThrottling": 0,
    "usePrivateIP": False,
    "internetProtocol": "IPV4",
}


def _known(call: Call) -> RecoveryInstance:
    item = call.recovery_instance()
    if item is None or item.terminated_at is not None:
        instance_id = call.params["recoveryInstanceID"]
        raise ResourceNotFoundError(
            f"Recovery instance {instance_id} not found", resource_id=instance_id, kind="RECOVERY_INSTANCE"
        )
    return item


@operation("ReverseReplication", calls_ec2=True)
def reverse_replication(call: Call) -> dict[str, Any]:
    """Replicate a recovery instance back to its source server's origin; see ``replication.reversal``.

    Refused until its agent has checked in, and when it is reversed already.
    """
    core, scope = call.core, call.scope
    with core.lock:
        item = _known(call)
        server = reversal.check(core, scope, item)
        call.refuse_busy(server)
        origin = reversal.origin_of(core, server)
        is_new = reversal.counterpart(core, server, origin) is None
        into = reversal.source_to_launch_into(origin, server) if is_new else None
    instance = instances.describe(core.ec2(scope, None), [item.instance_id]).get(item.instance_id)
    with core.lock:
        agents.refuse_unless_checked_in(core, server, item, instance)
    if into is not None:
        original = instances.describe(core.ec2(origin, None), [into]).get(into)
        with core.lock:
            reversal.refuse_unfit_source(core, origin, server, item, original)
    with core.lock:
        item = _known(call)
        server = reversal.check(core, scope, item)
        call.refuse_busy(server)
        found = reversal.perform(core, scope, item, server, instance or {}, into)
        return {"reversedDirectionSourceServerArn": found.arn}


@operation("StopFailback")
def stop_failback(call: Call) -> dict[str, Any]:
    """Set the failback state back to FAILBACK_NOT_STARTED (API reference). The reversed server goes on."""
    item = _known(call)
    item.failback_stopped = True
    server = call.core.server_at(item.reversed_to)
    if server is not None:
        events.send_soon(call.core, server)
    return {}


@operation("GetFailbackReplicationConfiguration")
def get_failback_replication_configuration(call: Call) -> dict[str, Any]:
    """The settings of the failback client. Between AWS and AWS they have no effect."""
    item = _known(call)
    return {"recoveryInstanceID": item.instance_id, **_CLIENT_SETTINGS, **item.failback_settings}


@operation("UpdateFailbackReplicationConfiguration")
def update_failback_replication_configuration(call: Call) -> dict[str, Any]:
    """Set what the request names."""
    item = _known(call)
    item.failback_settings.update({key: call.params[key] for key in _CLIENT_SETTINGS if key in call.params})
    return {}


@operation("StartFailbackLaunch")
def start_failback_launch(call: Call) -> dict[str, Any]:
    """Always refused: it is only for servers outside AWS, on which the failback client has been booted."""
    for instance_id in call.params["recoveryInstanceIDs"]:
        item = call.scope.recovery_instances.get(instance_id)
        if item is None:
            raise call.unmodelled_missing("Recovery instance", instance_id)
        server = call.scope.servers.get(item.server_id)
        if server is not None and server.origin_account is not None:
            raise ValidationError(
                f"Recovery instance {instance_id} came from AWS, StartFailbackLaunch is for the failback "
                "client only. Use ReverseReplication, then StartRecovery for the reversed source server in "
                f"account {server.origin_account}, Region {server.origin_region}",
                fields=[("recoveryInstanceIDs", "Originates in AWS")],
            )
    raise ConflictError("No failback client is connected: none of the recovery instances is ready for launch")
