"""The CloudWatch metrics of DRS, namespace ``AWS/DRS`` (user guide, monitoring-event-bridge-metrics).

They are put when something changes, not every minute: unread values would cost more than
everything else here. Dimension SourceServerID as a public dashboard uses it; counts have none.
"""

from __future__ import annotations

from drs_emulator.contract import Metric, NoMetrics
from drs_emulator.core import Core
from drs_emulator.replication.progress import backlog
from drs_emulator.state import Scope, SourceServer


def of_server(core: Core, scope: Scope, server: SourceServer) -> list[Metric]:
    """The metrics of ``server`` and its scope now; empty without a metric sink."""
    if isinstance(core.hooks.metrics, NoMetrics) or server.server_id not in scope.servers:
        return []
    now, status = core.now(), server.replication
    _, lag, _ = core.replication_of(server)
    here = {"SourceServerID": server.server_id}
    points = [Metric("Backlog", float(backlog(core, server)), "Bytes", here)]
    if status.snapshots_since is not None:
        points.append(Metric("LagDuration", lag, "Seconds", here))
    if status.first_byte_at is not None:
        elapsed = (now - status.first_byte_at).total_seconds()
        points.append(Metric("ElapsedReplicationDuration", elapsed, "Seconds", here))
    if server.last_success_at is not None:
        since = (now - server.last_success_at).total_seconds()
        points.append(Metric("DurationSinceLastSuccessfulRecoveryLaunch", since, "Seconds", here))
    return points + _counts(scope)


def _counts(scope: Scope) -> list[Metric]:
    states = [server.replication.state for server in scope.servers.values()]
    active = [state for state in states if state != "DISCONNECTED"]
    return [
        Metric("TotalSourceServerCount", float(len(states)), "Count"),
        Metric("ActiveSourceServerCount", float(len(active)), "Count"),
        Metric("ProtectedSourceServerCount", float(len(active) - active.count("STOPPED")), "Count"),
    ]
