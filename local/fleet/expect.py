"""What a failover and a failback of a fleet must come to, from its file alone: the demo judges by it."""

from __future__ import annotations

from typing import Any

from local.fleet.model import Fleet, FleetWave, IssueKind, Server
from shared.model.status import ServerStatus

_DEFAULT_RETRIES = 1
_DEFAULT_MAX_LAG_SECONDS = 3600

_BLOCKING = frozenset(
    {
        IssueKind.TWO_TARGETS,
        IssueKind.NO_TARGET,
        IssueKind.TARGET_UNTAGGED,
        IssueKind.TARGET_ARCHITECTURE,
        IssueKind.BUSY,
        IssueKind.SIMILAR_NAME,
    }
)

_BLOCKING_FAILBACK = frozenset({IssueKind.EGRESS_CLOSED, IssueKind.NO_PROFILE})
_FAILING_FAILBACK = frozenset({IssueKind.AGENT_NEVER_CHECKS_IN, IssueKind.WRONG_STAGING_ACCOUNT})

_WITHOUT_COPY = frozenset({"INITIATING", "INITIAL_SYNC", "STOPPED", "DISCONNECTED"})
"""Replication states with no consistent copy to launch from (DRS user guide, preparing for failover)."""


def expected_outcomes(fleet: Fleet) -> dict[str, ServerStatus]:
    """The outcome of every server by name: RECOVERED, BLOCKED, FAILED or SKIPPED.

    With the policy to stop when something is blocked, nothing moves: a server that is not blocked is SKIPPED.
    A wave whose failure policy says stop keeps the waves that depend on it from starting.
    """
    return _together(fleet, {server.name: _alone(fleet, server) for server in fleet.servers})


def expected_failback(fleet: Fleet) -> dict[str, ServerStatus]:
    """The outcome of a failback after that failover, for every server that it recovered, by name."""
    away = expected_outcomes(fleet)
    outcomes = {
        server.name: _back_alone(fleet, server)
        for server in fleet.servers
        if away[server.name] is ServerStatus.RECOVERED
    }
    late = {server.name for server in fleet.servers if server.name in outcomes and _lags(server)}
    if late and fleet.policies.get("failback", {}).get("onReplicationTimeout") == "STOP":
        for name, outcome in outcomes.items():
            if outcome is ServerStatus.RECOVERED:
                outcomes[name] = ServerStatus.SKIPPED
    return _together(fleet, outcomes)


def _together(fleet: Fleet, outcomes: dict[str, ServerStatus]) -> dict[str, ServerStatus]:
    """What becomes of servers when the issues of others and the failure policies count, too."""
    blocked = ServerStatus.BLOCKED in outcomes.values()
    if blocked and fleet.policies.get("onBlocked", "STOP") == "STOP":
        return {
            name: outcome if outcome is ServerStatus.BLOCKED else ServerStatus.SKIPPED
            for name, outcome in outcomes.items()
        }
    stopped: set[str] = set()
    for wave in _in_order(fleet):
        servers = [server for server in fleet.servers_of(wave.name) if server.name in outcomes]
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
    """What becomes of a server as far as its own issue goes."""
    kinds = {issue.kind for issue in server.issues}
    max_lag = fleet.policies.get("maxLagSeconds", _DEFAULT_MAX_LAG_SECONDS)
    stops_running = fleet.policies.get("whenTargetRuns", "BLOCK") == "STOP"
    if (
        not server.targets
        or kinds & _BLOCKING
        or server.replication_state in _WITHOUT_COPY
        or server.lag_seconds > max_lag
        or (IssueKind.TARGET_RUNNING in kinds and not stops_running)
    ):
        return ServerStatus.BLOCKED
    if IssueKind.TARGET_DOES_NOT_START in kinds:
        return ServerStatus.FAILED
    conversion = server.issue(IssueKind.CONVERSION_FAILS)
    if conversion:
        times = conversion.options.get("times")
        if times is None or times > fleet.policies.get("retries", _DEFAULT_RETRIES):
            return ServerStatus.FAILED
    return ServerStatus.RECOVERED


def _back_alone(fleet: Fleet, server: Server) -> ServerStatus:
    """What becomes of a server in a failback as far as its own issue goes."""
    kinds = {issue.kind for issue in server.issues}
    tags_originals = bool(fleet.policies.get("failback", {}).get("tagOriginals", False))
    if kinds & _BLOCKING_FAILBACK or (IssueKind.ORIGINAL_UNTAGGED in kinds and not tags_originals):
        return ServerStatus.BLOCKED
    if kinds & _FAILING_FAILBACK or _lags(server):
        return ServerStatus.FAILED
    return ServerStatus.RECOVERED


def _lags(server: Server) -> bool:
    """Whether its reverse replication never comes to an end."""
    stalls = server.issue(IssueKind.REPLICATION_STALLS)
    for_good = stalls is not None and "seconds" not in stalls.options
    return for_good or server.issue(IssueKind.NOT_CONVERGING) is not None


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
        case "CONTINUE":
            return True
        case {"tolerate": int(count)}:
            return failed <= count
        case {"tolerate": str(share)}:
            return failed * 100 <= float(share.rstrip("%")) * servers
        case _:
            return False
