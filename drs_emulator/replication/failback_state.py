"""The failback state of a recovery instance, as DRS names it.

The two states that the user guide does not explain are taken to mean: the reversed server cannot be launched
now, and: there is no reversed server any more.
"""

from __future__ import annotations

from drs_emulator.core import Core
from drs_emulator.state import LAUNCHABLE_STATES, RecoveryInstance, SourceServer


def reversed_server(core: Core, item: RecoveryInstance) -> SourceServer | None:
    """The source server that ``item`` replicates to; None if there is none.

    A server that another instance replicates to since then does not count.
    """
    server = core.server_at(item.reversed_to)
    if server is None or server.replicates_from is None or server.replicates_from.name != item.instance_id:
        return None
    return server


def of(core: Core, item: RecoveryInstance) -> str:
    """The failback state. Called under the lock. Between AWS and AWS, it is never FAILBACK_COMPLETED."""
    if item.reversed_to is None or item.failback_stopped:
        return "FAILBACK_NOT_STARTED"
    server = reversed_server(core, item)
    if server is None:
        return "FAILBACK_LAUNCH_STATE_NOT_AVAILABLE"
    state, _, _ = core.replication_of(server)
    if not server.replication.is_active:
        return "FAILBACK_NOT_READY_FOR_LAUNCH"
    if state in LAUNCHABLE_STATES and server.replication.snapshots_since is not None:
        return "FAILBACK_READY_FOR_LAUNCH"
    return "FAILBACK_ERROR" if state == "STALLED" else "FAILBACK_IN_PROGRESS"
