"""Points in time, computed from the schedule instead of stored.

Every 10 minutes for the last hour, hourly for a day, daily for a week, unless the server's pitPolicy sets
otherwise (DRS user guide, Replication-Related-FAQ). An id depends on server and time alone, so it stays the
same for as long as the point is kept.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from drs_emulator.configurations import DEFAULT_POLICY
from drs_emulator.core import Core
from drs_emulator.state import LAUNCHABLE_STATES, SourceServer, hashed_id
from drs_emulator.wire.timestamps import to_wire

_UNIT_SECONDS = {"MINUTE": 60, "HOUR": 3600, "DAY": 86400}


def points_in_time(core: Core, server: SourceServer) -> list[datetime]:
    """The times a server can be recovered to, oldest first. Called under the lock."""
    since = server.replication.snapshots_since
    state, lag, _ = core.replication_of(server)
    if since is None or state not in LAUNCHABLE_STATES:
        return []
    now = core.now()
    latest = now - timedelta(seconds=lag)
    times: set[datetime] = set()
    for rule in server.replication_settings.get("pitPolicy", DEFAULT_POLICY):
        if rule.get("enabled", True):
            unit = _UNIT_SECONDS[rule["units"]]
            times |= _marks(now, latest, since, rule["interval"] * unit, rule["retentionDuration"] * unit)
    return sorted(times)


def _marks(now: datetime, latest: datetime, since: datetime, interval: int, keep: int) -> set[datetime]:
    earliest = max(since, now - timedelta(seconds=keep)).timestamp()
    mark = int(latest.timestamp()) // interval * interval
    found = set()
    while mark >= earliest:
        found.add(datetime.fromtimestamp(mark, UTC))
        mark -= interval
    return found


def snapshot_id(server: SourceServer, when: datetime) -> str:
    """The ``pit-`` id of a point in time."""
    return hashed_id("pit", server.server_id, int(when.timestamp()))


def find(core: Core, server: SourceServer, wanted: str) -> datetime | None:
    """The time of a ``pit-`` id that still exists, else None. Called under the lock."""
    return next((when for when in points_in_time(core, server) if snapshot_id(server, when) == wanted), None)


def view(server: SourceServer, when: datetime) -> dict[str, Any]:
    """A RecoverySnapshot."""
    return {
        "snapshotID": snapshot_id(server, when),
        "sourceServerID": server.server_id,
        "expectedTimestamp": to_wire(when),
        "timestamp": to_wire(when),
        "ebsSnapshots": [
            hashed_id("snap", server.server_id, disk.device, int(when.timestamp())) for disk in server.disks
        ],
    }
