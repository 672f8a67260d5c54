"""What DRS sends by itself: stalls, failback states and metrics, each when it changes.

Callers hold the state lock, so sending is only planned here: events and metrics leave from the clock.
"""

from __future__ import annotations

from drs_emulator.core import Core
from drs_emulator.replication import failback_state, metrics
from drs_emulator.state import RecoveryInstance, Scope, SourceServer

_REPORTED = frozenset({"FAILBACK_IN_PROGRESS", "FAILBACK_COMPLETED", "FAILBACK_ERROR"})
"""States of the event Recovery Instance Failback State Change (EventBridge samples of the user guide)."""


def send_soon(core: Core, server: SourceServer) -> None:
    """Send what has changed about ``server`` as soon as the lock is free."""
    core.later(0.0, lambda: send(core, server))


def send(core: Core, server: SourceServer) -> None:
    """Send events and metrics of ``server``. Called without the lock."""
    send_changes(core, server)
    with core.lock:
        scope = core.scopes.get((server.account, server.region))
        points = metrics.of_server(core, scope, server) if scope is not None else []
    if scope is not None and points:
        core.put_metrics(scope, points)


def send_changes(core: Core, server: SourceServer) -> None:
    """Send the events for what has changed about ``server``. Called without the lock."""
    with core.lock:
        scope = core.scopes.get((server.account, server.region))
        if scope is None:
            return
        stalled = _stalled_edge(core, server)
        changed = _failback_edge(core, server)
    if stalled:
        core.emit(scope, "DRS Source Server Data Replication Stalled Change", server.arn, {"state": stalled})
    if changed:
        where, item, state = changed
        core.emit(where, "DRS Recovery Instance Failback State Change", item.arn, {"state": state})


def _stalled_edge(core: Core, server: SourceServer) -> str | None:
    stalled = core.replication_of(server)[0] == "STALLED"
    if stalled == (server.server_id in core.stalled_seen):
        return None
    if stalled:
        core.stalled_seen.add(server.server_id)
        return "STALLED"
    core.stalled_seen.discard(server.server_id)
    return "NOT_STALLED"


def _failback_edge(core: Core, server: SourceServer) -> tuple[Scope, RecoveryInstance, str] | None:
    ref = server.replicates_from
    item = core.instance_at(ref)
    if ref is None or item is None:
        return None
    state = failback_state.of(core, item)
    if state == item.failback_reported:
        return None
    item.failback_reported = state
    return (core.scopes[ref.account, ref.region], item, state) if state in _REPORTED else None
