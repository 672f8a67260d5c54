"""The disaster that a fleet's failover answers: what becomes of the originals, as its file says."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from local.fleet.building import BuiltServer
from local.fleet.cloud import Admin, ClientFactory, ask
from local.fleet.instances import await_state, stop
from local.fleet.model import Fleet, IssueKind, Originals
from shared.model.scope import Scope


def strike(
    fleet: Fleet,
    built: Iterable[BuiltServer],
    clients: ClientFactory,
    ec2: Admin,
    pause: Callable[[], None] = lambda: time.sleep(0.1),
) -> None:
    """Stop the originals that do not run on, wait for it, and make EC2 silent where they are unreachable."""
    if fleet.originals is Originals.RUNNING:
        return
    made = {server.name: server.original_instance_id for server in built}
    lost: dict[Scope, list[str]] = {site.origin.scope: [] for site in fleet.sites}
    for server in fleet.servers:
        if server.issue(IssueKind.ORIGINAL_RUNS) is None:
            lost[fleet.site(server.site).origin.scope].append(made[server.name])
    for scope, instance_ids in lost.items():
        stop(clients("ec2", scope.account, scope.region), instance_ids)
    for scope, instance_ids in lost.items():
        await_state(clients("ec2", scope.account, scope.region), instance_ids, "stopped", pause)
    if fleet.originals is Originals.UNREACHABLE:
        ask(ec2, "POST", "/silence", {"scopes": [_place(scope) for scope in lost]})


def end(fleet: Fleet, ec2: Admin) -> None:
    """EC2 of the origin answers again; the originals stay stopped."""
    if fleet.originals is Originals.UNREACHABLE:
        ask(ec2, "POST", "/silence", {"scopes": []})


def _place(scope: Scope) -> dict[str, str]:
    return {"account": scope.account, "region": scope.region}
