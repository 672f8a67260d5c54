"""Makes a fleet real: through ordinary EC2 and IAM calls, and the admin routes of what is ours."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from local.fleet.cloud import Admin, ClientFactory, FleetNotBuiltError, ask
from local.fleet.instances import Kind, Made, Tags, Wanted, await_state, run, stop
from local.fleet.model import Fleet, IssueKind, Server, Target
from local.fleet.network import make_networks
from local.fleet.origin import make_ready_for_failback
from local.fleet.seed import seed_source_servers, set_up_emulator
from shared.model.ec2 import TARGET_TAG_KEY, TARGET_TAG_VALUE
from shared.model.scope import Scope

_ORIGINAL = -1
_ALLOWED: Tags = ((TARGET_TAG_KEY, TARGET_TAG_VALUE),)


@dataclass(frozen=True, slots=True)
class BuiltServer:
    """The ids of what was made for one server."""

    name: str
    source_server_id: str
    original_instance_id: str
    target_instance_ids: tuple[str, ...]


def build(
    fleet: Fleet,
    clients: ClientFactory,
    drs: Admin,
    *,
    ec2: Admin | None = None,
    pause: Callable[[], None] = lambda: time.sleep(0.1),
    workers: int = 4,
) -> tuple[BuiltServer, ...]:
    """Make ``fleet`` in the cloud that ``clients`` reach; gives what was made, in the order of the fleet.

    ``drs`` and ``ec2`` are the admin routes of the DRS emulator and the EC2 extras; ``ec2`` is needed only
    for targets that do not start. ``pause`` lets time pass while instances change state: with a clock that
    stands still, advance it there. Returns when originals run and targets are stopped. Raises
    FleetNotBuiltError when a part is refused, and boto3's ClientError.
    """
    networks = make_networks(fleet, clients)
    found: dict[tuple[str, int], Made] = {}
    running: dict[Scope, list[str]] = {}
    for scope, wanted in _instances(fleet).items():
        client = clients("ec2", scope.account, scope.region)
        made = run(client, networks[scope], wanted, workers)
        found.update(made)
        running[scope] = [instance.instance_id for instance in made.values()]
    make_ready_for_failback(fleet, clients, networks)
    source_servers = seed_source_servers(
        fleet, drs, {server.name: found[server.name, _ORIGINAL] for server in fleet.servers}
    )
    built = tuple(_built(server, source_servers, found) for server in fleet.servers)
    for scope, instance_ids in running.items():
        await_state(clients("ec2", scope.account, scope.region), instance_ids, "running", pause)
    _stop_targets(fleet, clients, built, pause)
    set_up_emulator(fleet, drs, source_servers)
    _break_targets(fleet, built, ec2)
    return built


def _instances(fleet: Fleet) -> dict[Scope, list[Wanted]]:
    wanted: dict[Scope, list[Wanted]] = defaultdict(list)
    for server in fleet.servers:
        site = fleet.site(server.site)
        tags = () if server.issue(IssueKind.ORIGINAL_UNTAGGED) else _ALLOWED
        kind = _kind(server, server, site.origin.subnets[server.subnet], tags)
        wanted[site.origin.scope].append(Wanted((server.name, _ORIGINAL), server.name, kind))
        for number, target in enumerate(server.targets):
            tags = _ALLOWED if target.tagged else ()
            kind = _kind(server, target, site.recovery.subnets[server.subnet], tags)
            if server.issue(IssueKind.EGRESS_CLOSED):
                kind = replace(kind, egress=False)
            wanted[site.recovery.scope].append(Wanted((server.name, number), target.name, kind))
    return wanted


def _kind(server: Server, hardware: Server | Target, subnet: str, tags: Tags) -> Kind:
    return Kind(
        platform=server.platform,
        architecture=hardware.architecture,
        boot_mode=hardware.boot_mode,
        instance_type=hardware.instance_type,
        disks_gib=server.disks_gib,
        subnet=subnet,
        tags=tags,
        profile=server.issue(IssueKind.NO_PROFILE) is None,
    )


def _built(server: Server, source_servers: dict[str, str], found: dict[tuple[str, int], Made]) -> BuiltServer:
    targets = tuple(found[server.name, number].instance_id for number in range(len(server.targets)))
    original = found[server.name, _ORIGINAL].instance_id
    return BuiltServer(server.name, source_servers[server.name], original, targets)


def _stop_targets(
    fleet: Fleet, clients: ClientFactory, built: Iterable[BuiltServer], pause: Callable[[], None]
) -> None:
    stopping: dict[Scope, list[str]] = defaultdict(list)
    for server, made in zip(fleet.servers, built, strict=True):
        for target, instance_id in zip(server.targets, made.target_instance_ids, strict=True):
            if not target.running:
                stopping[fleet.site(server.site).recovery.scope].append(instance_id)
    for scope, instance_ids in stopping.items():
        stop(clients("ec2", scope.account, scope.region), instance_ids)
    for scope, instance_ids in stopping.items():
        await_state(clients("ec2", scope.account, scope.region), instance_ids, "stopped", pause)


def _break_targets(fleet: Fleet, built: Iterable[BuiltServer], ec2: Admin | None) -> None:
    """Make EC2 unable to start the targets whose issue that is."""
    faults = []
    for server, made in zip(fleet.servers, built, strict=True):
        issue = server.issue(IssueKind.TARGET_DOES_NOT_START)
        if issue:
            faults += [
                {"instance": instance_id, "kind": "START_FAILS", **issue.options}
                for instance_id in made.target_instance_ids
            ]
    if not faults:
        return
    if ec2 is None:
        raise FleetNotBuiltError("targets that do not start need the admin routes of EC2: pass ec2=")
    ask(ec2, "POST", "/faults", {"faults": faults})
