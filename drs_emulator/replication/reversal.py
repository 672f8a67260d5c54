"""ReverseReplication: which server replicates to which afterwards.

From a recovery instance of an ordinary server, a FAILBACK server appears where the original is. From the
instance launched from such a server, the first server is re-pointed: same id, same settings, same points in
time, disks only read again. Either way an existing counterpart is re-pointed, and one that is deleted or
disconnected is created again. If origin and recovery are the same account and Region (another zone), the
server itself is re-pointed at its recovery instance (DRS user guide, failback across zones).

Called under the state lock.
"""

from __future__ import annotations

from typing import Any

from drs_emulator.configurations import new_launch_configuration, new_replication_configuration
from drs_emulator.core import Core
from drs_emulator.ec2 import instances
from drs_emulator.errors import ConflictError, DrsError, ValidationError, error_of
from drs_emulator.replication import runs
from drs_emulator.replication.failback_state import reversed_server
from drs_emulator.state import Disk, RecoveryInstance, Replication, Scope, SourceServer, hashed_id


def check(core: Core, scope: Scope, item: RecoveryInstance) -> SourceServer:
    """The server that ``item`` was launched from, if ``item`` may be reversed now."""
    server = scope.servers.get(item.server_id)
    if server is None:
        raise _conflict(item, "has no source server any more")
    if item.replication_state == "DISCONNECTED":
        raise _conflict(item, "is disconnected")
    current = reversed_server(core, item)
    if current is not None and current.replication.state != "DISCONNECTED":
        raise _conflict(item, f"is reversed already, it replicates to source server {current.server_id}")
    if server.origin_account is None or server.origin_region is None:
        raise ValidationError(
            f"Recovery instance {item.instance_id} did not come from AWS: its replication cannot be reversed",
            reason="other",
        )
    return server


def _conflict(item: RecoveryInstance, text: str) -> ConflictError:
    return ConflictError(
        f"Recovery instance {item.instance_id} {text}", resource_id=item.instance_id, kind="RECOVERY_INSTANCE"
    )


def origin_of(core: Core, server: SourceServer) -> Scope:
    """The scope that ``server`` replicates from, if DRS is initialized there."""
    origin = core.scope(str(server.origin_account), str(server.origin_region))
    if not origin.initialized:
        raise _not_ready(core, origin, "is not initialized")
    return origin


def _not_ready(core: Core, origin: Scope, text: str) -> DrsError:
    return error_of(
        core.guess("uninitialized_origin"),
        f"AWS Elastic Disaster Recovery {text} in account {origin.account}, Region {origin.region}",
    )


def counterpart(core: Core, server: SourceServer, origin: Scope) -> SourceServer | None:
    """The server that is to be re-pointed; None if one has to be made, and can be."""
    if (origin.account, origin.region) == (server.account, server.region):
        return server
    found = core.server_at(server.counterpart)
    if found is not None and found.replication.state == "DISCONNECTED":
        found = None
    if found is not None and found.extends is None:
        return found
    if found is not None and core.guess("reprotect_of_extended") == "CONFLICT":
        raise ConflictError(
            f"Source server {found.server_id} is extended: its agent has stopped replicating after the "
            "failback and has to be installed again",
            resource_id=found.server_id,
            kind="SOURCE_SERVER",
        )
    if not origin.replication_templates:
        raise _not_ready(core, origin, "has no replication configuration template")
    return None


def source_to_launch_into(origin: Scope, server: SourceServer) -> str | None:
    """The original to launch into, if the origin's template has launchIntoSourceInstance."""
    wanted = any(item.settings.get("launchIntoSourceInstance") for item in origin.launch_templates.values())
    return server.instance_id if wanted else None


def refuse_unfit_source(
    core: Core,
    origin: Scope,
    server: SourceServer,
    item: RecoveryInstance,
    instance: dict[str, Any] | None,
) -> None:
    """The documented refusal, if the original cannot be launched into. It need not be stopped yet."""
    settings = {
        key: value for found in origin.launch_templates.values() for key, value in found.settings.items()
    }
    on_host = instance is not None and instance.get("Placement", {}).get("Tenancy") == "host"
    byol = settings.get("licensing", {}).get("osByol") and server.platform != "linux" and not on_host
    if (
        instance is None
        or instance["State"]["Name"] in ("shutting-down", "terminated")
        or not instances.is_tagged(instance)
        or instances.mismatches(core.settings, server, instance)
        or settings.get("copyTags")
        or settings.get("copyPrivateIp")
        or byol
    ):
        raise error_of(
            core.guess("launch_into_source_refusal"),
            f"Some Recovery instances could not be processed: {item.instance_id}",
        )


def perform(
    core: Core,
    scope: Scope,
    item: RecoveryInstance,
    server: SourceServer,
    instance: dict[str, Any],
    into: str | None,
) -> SourceServer:
    """Let ``item`` replicate back to the counterpart of ``server``; a new one launches ``into``."""
    origin = origin_of(core, server)
    found = counterpart(core, server, origin)
    if found is None:
        found = _create(core, origin, server, item, into)
        origin.servers[found.server_id] = found
    zone = instance.get("Placement", {}).get("AvailabilityZone")
    _point(core, scope, found, item, zone)
    server.reversals += 1
    if found is not server:
        found.counterpart, server.counterpart = server.ref, found.ref
        for one, other in ((found, server), (server, found)):
            if one.reversed_arn is None or core.guess("reversed_arn") == "CURRENT":
                one.reversed_arn = other.arn
    item.reversed_to, item.reversed_at, item.failback_stopped = found.ref, core.now(), False
    return found


def _point(core: Core, scope: Scope, server: SourceServer, item: RecoveryInstance, zone: str | None) -> None:
    """``item`` replicates to ``server`` from now on."""
    server.instance_id = item.instance_id
    server.private_ip, server.mac_address = item.private_ip, item.mac_address
    server.origin_account, server.origin_region, server.origin_zone = scope.account, scope.region, zone
    server.replicates_from = item.ref
    runs.repoint(core, server)


def _create(
    core: Core, origin: Scope, server: SourceServer, item: RecoveryInstance, into: str | None
) -> SourceServer:
    """A FAILBACK server, stopped as yet. Its id follows from the pair and the round, not from call order."""
    server_id = hashed_id("s", core.seed, "reversed", server.server_id, item.instance_id, server.reversals)
    tags = {"Name": server.tags["Name"]} if "Name" in server.tags else {}
    disks = [Disk(disk.device, disk.size) for disk in server.disks]
    name = tags.get("Name", server.hostname)
    launch = new_launch_configuration(core.settings, origin, server_id, name)
    if into is not None:
        launch["launchIntoInstanceProperties"] = {"launchIntoEC2InstanceID": into}
    wrong = core.faults.standing("WRONG_STAGING_ACCOUNT", core.now(), server)
    origin.counters["server"] = origin.counters.get("server", 0) + 1
    return SourceServer(
        server_id=server_id,
        arn=origin.arn("source-server", server_id),
        number=origin.counters["server"],
        hostname=server.hostname,
        platform=server.platform,
        architecture=server.architecture,
        boot_mode=server.boot_mode,
        disks=disks,
        replication=Replication("STOPPED", replicated=0.0, rescanned=0.0),
        added_at=core.now(),
        launch=launch,
        replication_settings=new_replication_configuration(origin, server_id, name, disks),
        tags=tags,
        agent_version=server.agent_version,
        staging_account=wrong.values["account"] if wrong else origin.account,
        direction="FAILBACK",
    )


def refuse_termination(core: Core, scope: Scope, item: RecoveryInstance) -> None:
    """ConflictError while ``item`` replicates back (text observed in the field)."""
    if not _replicates(core, item):
        return
    server = scope.servers.get(item.server_id)
    protects = server is not None and is_protected(core, server, item)
    if protects and core.guess("terminate_after_reprotect") == "ALLOW":
        return
    raise ConflictError(
        "Recovery instances cannot be terminated during failback",
        resource_id=item.instance_id,
        kind="RECOVERY_INSTANCE",
    )


def refuse_deletion(core: Core, scope: Scope, item: RecoveryInstance) -> None:
    """ConflictError while ``item`` replicates back to a FAILBACK server.

    A failed-back instance is deleted while it replicates: that keeps it protected (user guide).
    """
    server = scope.servers.get(item.server_id)
    if _replicates(core, item) and not (server is not None and is_protected(core, server, item)):
        raise _conflict(item, "still replicates back: stop the replication of its reversed server first")


def _replicates(core: Core, item: RecoveryInstance) -> bool:
    server = reversed_server(core, item)
    return server is not None and server.replication.is_active


def is_protected(core: Core, server: SourceServer, item: RecoveryInstance) -> bool:
    """Whether ``item``, launched from ``server``, was reversed where the workload stays.

    That is: it was failed back, or the recovery was into another zone.
    """
    found = reversed_server(core, item)
    return found is not None and (server.direction == "FAILBACK" or found is server)


def after_launch(core: Core, instance_id: str) -> None:
    """The disks of ``instance_id`` were replaced, and with them the agent that replicated from it.

    Its server is dead until it is re-pointed (seen on AWS after a launch into the original). Of an extended
    server that is the one that it extends (user guide, multi-account).
    """
    for scope in core.scopes.values():
        for server in scope.servers.values():
            if server.instance_id == instance_id and server.extends is None:
                runs.replace_agent(core, server)
