"""Points in time and StartRecovery, which takes all servers of a request or none."""

from __future__ import annotations

from typing import Any

from drs_emulator import views
from drs_emulator.core import new_job
from drs_emulator.ec2 import instances
from drs_emulator.errors import BUSY_SERVER, ConflictError, error_of
from drs_emulator.jobs.launch_job import LaunchJob
from drs_emulator.operations import quotas
from drs_emulator.operations.registry import Call, operation
from drs_emulator.replication import agents, points_in_time
from drs_emulator.state import LAUNCHABLE_STATES, LastLaunch, Participant, SourceServer
from drs_emulator.wire.omit_absent import present
from drs_emulator.wire.paging import page
from drs_emulator.wire.timestamps import from_wire


@operation("DescribeRecoverySnapshots")
def describe_recovery_snapshots(call: Call) -> dict[str, Any]:
    """The points in time of a server, between fromDateTime and toDateTime."""
    server = call.scope.servers.get(call.params["sourceServerID"])
    if server is None:
        raise error_of("ValidationException", f"Source server {call.params['sourceServerID']} not found")
    filters = call.params.get("filters", {})
    times = points_in_time.points_in_time(call.core, server)
    if "fromDateTime" in filters:
        times = [when for when in times if when >= from_wire(filters["fromDateTime"])]
    if "toDateTime" in filters:
        times = [when for when in times if when <= from_wire(filters["toDateTime"])]
    order = call.params.get("order") or call.core.guess("snapshot_order")
    chosen, token = page(
        "DescribeRecoverySnapshots",
        call.params,
        call.core.settings,
        times,
        lambda when: when.isoformat(),
        descending=order == "DESC",
    )
    return present({"items": [points_in_time.view(server, when) for when in chosen], "nextToken": token})


@operation("StartRecovery", calls_ec2=True)
def start_recovery(call: Call) -> dict[str, Any]:
    """Start a LAUNCH job. One server that cannot be launched refuses the whole call.

    Targets are checked before the job exists: a running one is refused at once (observed in the field).
    """
    core, scope = call.core, call.scope
    with core.lock:
        servers = _checked_servers(call)
    agents.refresh(core, servers)
    with core.lock:
        targets = {server.target_id for server in servers if server.target_id}
    if targets:
        found = instances.describe(core.ec2(scope, None), targets)
        _check_targets(call, servers, found)
    with core.lock:
        servers = _checked_servers(call)
        is_drill = call.params.get("isDrill", False)
        pinned = {
            item["sourceServerID"]: item.get("recoverySnapshotID") for item in call.params["sourceServers"]
        }
        job = new_job(
            core,
            scope,
            "LAUNCH",
            "START_DRILL" if is_drill else _initiated_by(call, servers),
            call.caller,
            [Participant(item.server_id, snapshot_id=pinned[item.server_id]) for item in servers],
            call.params.get("tags", {}),
        )
        for server in servers:
            server.last_launch = LastLaunch(core.now(), job.job_id, is_drill, "PENDING")
            server.last_launch_result = "PENDING"
        LaunchJob(core, scope, job).begin()
        return {"job": views.job(core, job)}


def _initiated_by(call: Call, servers: list[SourceServer]) -> str:
    if any(server.direction == "FAILBACK" for server in servers):
        return str(call.core.guess("failback_initiated_by"))
    return "START_RECOVERY"


def _checked_servers(call: Call) -> list[SourceServer]:
    """The servers of the request, each launchable. Called under the lock."""
    core, scope = call.core, call.scope
    wanted = call.params["sourceServers"]
    servers: list[SourceServer] = []
    for item in wanted:
        server = scope.servers.get(item["sourceServerID"])
        if server is None:
            raise call.unmodelled_missing("Source server", item["sourceServerID"])
        if server in servers:
            raise ConflictError(f"Source server {server.server_id} is listed twice")
        servers.append(server)
    quotas.check_job(core, scope, len(servers))
    if any(core.is_busy(scope, server) for server in servers):
        raise ConflictError(BUSY_SERVER)
    for server, item in zip(servers, wanted, strict=True):
        _check_launchable(call, server, item.get("recoverySnapshotID"))
    _check_shared_targets(call, servers)
    return servers


def _check_launchable(call: Call, server: SourceServer, pinned: str | None) -> None:
    core = call.core
    state, _, _ = core.replication_of(server)
    if state not in LAUNCHABLE_STATES or server.replication.snapshots_since is None:
        raise error_of(
            core.guess("not_launchable"),
            f"Source server {server.server_id} is {state} and has no consistent point in time to launch from",
        )
    if pinned and points_in_time.find(core, server, pinned) is None:
        raise error_of(
            core.guess("not_launchable"),
            f"Recovery snapshot {pinned} of source server {server.server_id} does not exist",
        )
    if server.target_id and (server.launch.get("copyTags") or server.launch.get("copyPrivateIp")):
        raise ConflictError(
            f"Source server {server.server_id} launches into an instance, so copyTags and copyPrivateIp must "
            "be false",
            resource_id=server.server_id,
            kind="SOURCE_SERVER",
        )


def _check_shared_targets(call: Call, servers: list[SourceServer]) -> None:
    scope = call.scope
    busy = scope.busy_servers()
    taken = {other.target_id for other in scope.servers.values() if other.server_id in busy}
    for server in servers:
        shared = server.target_id and server.target_id in taken
        if shared and call.core.guess("shared_target") == "CONFLICT":
            raise ConflictError(
                f"More than one source server launches into the instance {server.target_id}",
                resource_id=server.target_id,
                kind="EC2_INSTANCE",
            )
        taken.add(server.target_id)


def _check_targets(call: Call, servers: list[SourceServer], found: dict[str, dict[str, Any]]) -> None:
    """Refuse targets that cannot be launched into, where the settings refuse at once."""
    for server in servers:
        target_id = server.target_id
        if target_id is None:
            continue
        instance = found.get(target_id)
        setting, problem = "", ""
        if instance is None or instance["State"]["Name"] in ("terminated", "shutting-down"):
            setting, problem = "missing_target", "does not exist"
        elif not instances.is_tagged(instance):
            key, value = instances.TARGET_TAG
            setting, problem = "untagged_target", f"does not have the tag {key}={value}"
        elif instance["State"]["Name"] != "stopped":
            setting, problem = "running_target", f"is {instance['State']['Name']}, it must be stopped"
        if setting and call.core.guess(setting) == "CONFLICT":
            raise ConflictError(
                f"The instance {target_id} to launch source server {server.server_id} into {problem}",
                resource_id=target_id,
                kind="EC2_INSTANCE",
            )
