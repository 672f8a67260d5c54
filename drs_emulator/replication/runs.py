"""Replication as a process on the clock.

    initial sync:  INITIATING → INITIAL_SYNC → CREATING_SNAPSHOT → CONTINUOUS
    re-protection: STALLED (AGENT_NOT_SEEN) → RESCAN → CONTINUOUS

Only the ends of phases are planned; progress is computed on demand, so that a
thousand servers cost four events each. Durations are sampled by server and generation. A phase pauses
while a fault stalls it or the agent's instance does not run, and then continues.

All functions but ``_end`` are called under the state lock; events about it leave from the clock.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from drs_emulator.core import Core
from drs_emulator.replication import events
from drs_emulator.replication.progress import bandwidth, moved, never_converges
from drs_emulator.state import Phase, SourceServer


def stop(core: Core, server: SourceServer, state: str) -> None:
    """STOPPED or DISCONNECTED: no replication and no point in time any more."""
    _halt(core, server)
    status = server.replication
    status.state = state
    status.error = None
    status.snapshots_since = None
    status.lag_since = None
    status.replicated = status.rescanned = 0.0
    status.phase = None
    status.plan = []
    status.pauses = {}
    status.generation += 1
    events.send_soon(core, server)


def start(core: Core, server: SourceServer) -> None:
    """A full copy from the beginning. Set-up took 58 to 164 s in published captures."""
    status, settings = server.replication, core.settings
    _begin(core, server)
    status.snapshots_since = None
    status.lag_since = None
    status.replicated = status.rescanned = 0.0
    status.initiated_at = core.now()
    status.first_byte_at = None
    draw = _draw(core, server)
    factor = settings.replication_time_factor
    _enter(
        core,
        server,
        [
            Phase("INITIATING", draw.uniform(*settings.reverse_initiating) * factor),
            Phase("INITIAL_SYNC", server.disk_bytes, shares_bandwidth=True),
            Phase("CREATING_SNAPSHOT", draw.uniform(*settings.creating_snapshot) * factor),
        ],
    )


def repoint(core: Core, server: SourceServer) -> None:
    """Another instance replicates to ``server`` from now on: its disks are read again and compared.

    A server whose replication was stopped has nothing to compare with: it starts from the beginning.
    """
    status, settings = server.replication, core.settings
    status.agent_replaced = False
    if not status.is_active or status.snapshots_since is None:
        start(core, server)
        return
    _begin(core, server)
    status.lag_since = core.now()
    status.rescanned = 0.0
    factor = settings.replication_time_factor
    rescanning = server.disk_bytes / max(1.0, settings.rescan_bytes_per_second)
    _enter(
        core,
        server,
        [
            Phase("STALLED", _draw(core, server).uniform(*settings.reprotect_stalled) * factor),
            Phase("RESCAN", rescanning * factor),
        ],
    )


def lose_agent(core: Core, server: SourceServer) -> None:
    """The service does not see the agent any more."""
    if server.replication.is_active and "agent" not in server.replication.pauses:
        _pause(core, server, "agent", "AGENT_NOT_SEEN")


def find_agent(core: Core, server: SourceServer) -> None:
    """The service sees the agent again, unless the disks that it was on have been replaced."""
    if not server.replication.agent_replaced:
        _resume(core, server, "agent")


def replace_agent(core: Core, server: SourceServer) -> None:
    """A launch has replaced the disks that the agent was on: it is not seen again before ``repoint``."""
    server.replication.agent_replaced = True
    lose_agent(core, server)


def reconsider(core: Core, server: SourceServer) -> None:
    """Stall or continue by the faults in force."""
    if server.extends is not None:
        return  # its replication is that of the server it extends
    status, now = server.replication, core.now()
    fault = core.faults.stall(now, server) if status.is_active else None
    error = fault.values["error"] if fault else None
    if error != status.pauses.get("fault"):
        _resume(core, server, "fault")
    if fault is not None and "fault" not in status.pauses:
        _pause(core, server, "fault", fault.values["error"])
        if "seconds" in fault.values:
            over = (server.server_id, status.generation)

            def end() -> None:
                with core.lock:
                    fault.over_for.add(over)
                    reconsider(core, server)

            core.later(fault.values["seconds"], end)
    if status.at_end and not never_converges(core, server):
        _next(core, server)


# --- from phase to phase ---


def _draw(core: Core, server: SourceServer) -> random.Random:
    return random.Random(f"{core.seed}/{server.server_id}/replication/{server.replication.generation}")


def _begin(core: Core, server: SourceServer) -> None:
    _halt(core, server)
    status = server.replication
    status.generation += 1
    status.pauses = {}
    status.error = None
    status.lag_seconds = 0.0
    status.agent_seen_at = core.now()


def _enter(core: Core, server: SourceServer, plan: list[Phase]) -> None:
    status = server.replication
    status.phase, status.plan = plan[0], plan[1:]
    status.state = plan[0].state
    status.error = "AGENT_NOT_SEEN" if status.state == "STALLED" else None
    status.done = 0.0
    status.at_end = False
    if status.state != "INITIATING" and status.first_byte_at is None:
        status.first_byte_at = core.now()
    reconsider(core, server)
    if status.agent_replaced:
        lose_agent(core, server)
    if not status.pauses and status.going_since is None:
        _go(core, server)
    events.send_soon(core, server)


def _next(core: Core, server: SourceServer) -> None:
    status = server.replication
    _halt(core, server)
    status.replicated = 1.0 if status.state == "INITIAL_SYNC" else status.replicated
    status.rescanned = 1.0 if status.state in ("INITIAL_SYNC", "RESCAN") else status.rescanned
    status.at_end = False
    if status.plan:
        _enter(core, server, status.plan)
        return
    status.phase = None
    status.state, status.error = "CONTINUOUS", None
    status.lag_seconds, status.lag_since = 0.0, None
    status.snapshots_since = status.snapshots_since or core.now()
    reconsider(core, server)
    events.send_soon(core, server)


def _go(core: Core, server: SourceServer) -> None:
    """Continue the phase."""
    status = server.replication
    if status.phase is None:
        return
    left = max(0.0, status.phase.amount - status.done)
    status.ticket += 1
    status.going_since = core.now()
    end = _end(core, server, status.ticket)
    if status.phase.shares_bandwidth:
        bandwidth(core, server).join(server.server_id, left, end)
    else:
        core.later(left, end)


def _halt(core: Core, server: SourceServer) -> None:
    """Pause the phase."""
    status = server.replication
    status.ticket += 1
    if status.going_since is not None and status.phase is not None:
        status.done = moved(core, server)
        if status.phase.shares_bandwidth:
            bandwidth(core, server).leave(server.server_id)
    status.going_since = None


def _end(core: Core, server: SourceServer, ticket: int) -> Callable[[], None]:
    def end() -> None:
        with core.lock:
            status = server.replication
            if status.ticket != ticket or status.phase is None:
                return
            status.done = status.phase.amount
            status.going_since = None
            if never_converges(core, server):
                status.at_end = True
            else:
                _next(core, server)

    return end


# --- standing still ---


def _pause(core: Core, server: SourceServer, why: str, error: str) -> None:
    status = server.replication
    _halt(core, server)
    status.pauses[why] = error
    if status.snapshots_since is not None and status.lag_since is None:
        status.lag_since = core.now()
    events.send_soon(core, server)


def _resume(core: Core, server: SourceServer, why: str) -> None:
    status = server.replication
    if status.pauses.pop(why, None) is None or status.pauses:
        return
    if status.phase is None:
        status.lag_since = None
    elif not status.at_end:
        _go(core, server)
    events.send_soon(core, server)
