"""What a failover of a fleet must come to, from the fleet file alone: the demo judges the outcome by it."""

from __future__ import annotations

from typing import Any

from local.fleet.model import Fleet, FleetWave, Server, TroubleKind
from shared.model import ServerStatus

_DEFAULT_RETRIES = 1
_DEFAULT_MAX_LAG_SECONDS = 3600

_BLOCKING = frozenset(
    {
        TroubleKind.TWO_TARGETS,
        TroubleKind.NO_TARGET,
        TroubleKind.TARGET_UNTAGGED,
        TroubleKind.TARGET_ARCHITECTURE,
        TroubleKind.BUSY,
        TroubleKind.SPELLING,
    }
)

_WITHOUT_COPY = frozenset({"INITIATING", "INITIAL_SYNC", "STOPPED", "DISCONNECTED"})
"""Replication states with no consistent copy to launch from (DRS user guide, preparing for failover)."""


def expected_outcomes(fleet: Fleet) -> dict[str, ServerStatus]:
    """The outcome of every server by name: RECOVERED, BLOCKED, FAILED or SKIPPED.

    With the policy to stop when something is blocked, nothing moves: whoever is not blocked is SKIPPED.
    A wave whose failure policy says stop keeps the waves that depend on it from starting.
    """
    outcomes = {server.name: _alone(fleet, server) for server in fleet.servers}
    blocked = ServerStatus.BLOCKED in outcomes.values()
    if blocked and fleet.policies.get("onBlocked", "STOP") == "STOP":
        return {
            name: outcome if outcome is ServerStatus.BLOCKED else ServerStatus.SKIPPED
            for name, outcome in outcomes.items()
        }
    stopped: set[str] = set()
    for wave in _in_order(fleet):
        servers = fleet.servers_of(wave.name)
        if stopped.intersection(wave.depends_on):
            stopped.add(wave.name)
            for server in servers:
                if outcomes[server.name] is not ServerStatus.BLOCKED:
                    outcomes[server.name] = ServerStatus.SKIPPED
        failed = sum(outcomes[server.name] is ServerStatus.FAILED for server in servers)
        if failed and not _tolerated(wave.on_failure, failed, len(servers)):
            stopped.add(wave.name)
    return outcomes


def _alone(fleet: Fleet, server: Server) -> ServerStatus:
    """What becomes of a server as far as its own trouble goes."""
    kinds = {trouble.kind for trouble in server.troubles}
    max_lag = fleet.policies.get("maxLagSeconds", _DEFAULT_MAX_LAG_SECONDS)
    stops_running = fleet.policies.get("whenTargetRuns", "BLOCK") == "STOP"
    if (
        not server.targets
        or kinds & _BLOCKING
        or server.replication_state in _WITHOUT_COPY
        or server.lag_seconds > max_lag
        or (TroubleKind.TARGET_RUNNING in kinds and not stops_running)
    ):
        return ServerStatus.BLOCKED
    if TroubleKind.TARGET_DOES_NOT_START in kinds:
        return ServerStatus.FAILED
    conversion = server.trouble(TroubleKind.CONVERSION_FAILS)
    if conversion:
        times = conversion.options.get("times")
        if times is None or times > fleet.policies.get("retries", _DEFAULT_RETRIES):
            return ServerStatus.FAILED
    return ServerStatus.RECOVERED


def _in_order(fleet: Fleet) -> list[FleetWave]:
    waiting, ordered = list(fleet.waves), list[FleetWave]()
    while waiting:
        names = {wave.name for wave in waiting}
        ready = [wave for wave in waiting if not names.intersection(wave.depends_on)]
        ordered += ready
        waiting = [wave for wave in waiting if wave not in ready]
    return ordered


def _tolerated(on_failure: Any, failed: int, servers: int) -> bool:
    """Whether a wave with so many failures still lets its dependents start. Default policy: STOP."""
    match on_failure:
        case "GO_ON":
            return True
        case {"tolerate": int(count)}:
            return failed <= count
        case {"tolerate": str(share)}:
            return failed * 100 <= float(share.rstrip("%")) * servers
        case _:
            return False
