"""The progress of a server's replication, computed from the clock on demand.

All functions are called under the state lock.
"""

from __future__ import annotations

from datetime import timedelta

from drs_emulator.core import Core
from drs_emulator.state import SourceServer
from drs_emulator.state.sync_bandwidth import SharedBandwidth

COPYING = ("INITIAL_SYNC", "RESCAN")
NEARLY = 0.95
"""Share of a sync that is shown at most while a fault keeps it from converging."""


def progress(core: Core, server: SourceServer) -> float:
    """How much of the running phase is done, 0 to 1; 1 if none runs."""
    status = server.replication
    if status.phase is None or status.phase.amount <= 0:
        return 1.0
    share = min(1.0, moved(core, server) / status.phase.amount)
    return min(share, NEARLY) if never_converges(core, server) else share


def seconds_left(core: Core, server: SourceServer) -> float | None:
    """Seconds to the end of a copy or a rescan at the present rate; None if none is running."""
    status = server.replication
    if status.phase is None or status.going_since is None or status.at_end:
        return None
    if status.phase.state not in COPYING or never_converges(core, server):
        return None
    left = max(0.0, status.phase.amount - moved(core, server))
    return left / bandwidth(core, server).rate() if status.phase.shares_bandwidth else left


def copied(core: Core, server: SourceServer) -> float:
    """Share of the disks that has been copied, 0 to 1."""
    status = server.replication
    if status.phase is not None and status.phase.state == "INITIAL_SYNC":
        return progress(core, server)
    return status.replicated


def read_again(core: Core, server: SourceServer) -> float:
    """Share of the disks that has been read since the replication began or was re-pointed, 0 to 1."""
    status = server.replication
    if status.phase is not None and status.phase.state in COPYING:
        return progress(core, server)
    return status.rescanned


def backlog(core: Core, server: SourceServer) -> int:
    """Bytes still to be sent: the rest of an initial sync, or a backlog that a fault keeps."""
    status = server.replication
    if not status.is_active:
        return 0
    if status.snapshots_since is None and status.phase is not None:
        return sum(disk.size - int(disk.size * copied(core, server)) for disk in server.disks)
    if never_converges(core, server):
        return int(server.disk_bytes * (1 - NEARLY))
    return 0


def never_converges(core: Core, server: SourceServer) -> bool:
    """Whether a fault keeps the backlog of ``server`` from shrinking, in a phase that would end it."""
    status = server.replication
    state = status.phase.state if status.phase is not None else status.state
    if state not in (*COPYING, "CONTINUOUS"):
        return False
    return core.faults.standing("NOT_CONVERGING", core.now(), server) is not None


def moved(core: Core, server: SourceServer) -> float:
    """How much of the running phase is done, in its own unit."""
    status = server.replication
    if status.going_since is None or status.phase is None:
        return status.done
    if status.phase.shares_bandwidth:
        return status.done + bandwidth(core, server).moved(server.server_id)
    return status.done + (core.now() - status.going_since) / timedelta(seconds=1)


def bandwidth(core: Core, server: SourceServer) -> SharedBandwidth:
    """The bandwidth that the server's initial sync shares with others."""
    return core.bandwidth(server.account, server.region)
