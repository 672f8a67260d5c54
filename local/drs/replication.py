"""Replication of a source server over time: stop, and start again with an initial sync."""

from __future__ import annotations

import random

from local.drs.core import Core
from local.drs.state import Scope, SourceServer

_SYNC_STEPS = 20


def stop(server: SourceServer, state: str) -> None:
    """STOPPED or DISCONNECTED: no replication and no point in time any more. The lock being held."""
    status = server.replication
    status.state = state
    status.error = None
    status.snapshots_since = None
    status.replicated = 0.0
    status.generation += 1


def start(core: Core, scope: Scope, server: SourceServer) -> None:
    """INITIATING → INITIAL_SYNC → CREATING_SNAPSHOT → CONTINUOUS on the clock. The lock being held.

    Set-up took 58 to 164 s in published captures; the sync takes bytes over the configured throughput.
    """
    status = server.replication
    status.generation += 1
    status.state = "INITIATING"
    status.replicated = 0.0
    status.initiated_at = core.now()
    status.first_byte_at = None
    generation = status.generation
    draw = random.Random(f"{core.seed}/{server.server_id}/replication/{generation}")
    initiating = draw.uniform(60, 170)
    syncing = sum(disk.size for disk in server.disks) / core.settings.initial_sync_bytes_per_second
    snapshotting = draw.uniform(30, 120)

    def at(seconds: float, state: str, replicated: float) -> None:
        def change() -> None:
            with core.lock:
                if server.replication.generation != generation:
                    return
                if status.first_byte_at is None:
                    status.first_byte_at = core.now()
                if state == "CONTINUOUS":
                    status.snapshots_since = core.now()
                    status.lag_seconds = 0.0
                status.state = state
                status.replicated = replicated

        core.later(seconds, change)

    for step in range(_SYNC_STEPS):
        at(initiating + syncing * step / _SYNC_STEPS, "INITIAL_SYNC", step / _SYNC_STEPS)
    at(initiating + syncing, "CREATING_SNAPSHOT", 1.0)
    at(initiating + syncing + snapshotting, "CONTINUOUS", 1.0)
