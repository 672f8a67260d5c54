"""Replication in the API's shapes: of a source server, and of a recovery instance that was reversed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from drs_emulator.core import Core
from drs_emulator.replication.failback_state import reversed_server
from drs_emulator.replication.progress import backlog, copied, progress, read_again, seconds_left
from drs_emulator.state import RecoveryInstance, SourceServer
from drs_emulator.wire.omit_absent import present
from drs_emulator.wire.service_model import values_of
from drs_emulator.wire.timestamps import duration, to_wire

_STEPS = values_of("DataReplicationInitiationStepName")
_FAILED_STEP = "FAILED_TO_"
_NO_LAG = ("STOPPED", "DISCONNECTED", "INITIATING")


def of_server(core: Core, server: SourceServer) -> dict[str, Any]:
    """DataReplicationInfo of a source server. Called under the lock."""
    state, lag, error = core.replication_of(server)
    status = server.replication
    disconnected = state == "DISCONNECTED"
    left = seconds_left(core, server) if state != "STALLED" else None
    has_lag = state not in _NO_LAG and (status.snapshots_since is not None or status.phase is None)
    return present(
        {
            "dataReplicationState": state,
            "lagDuration": duration(lag) if has_lag else None,
            "etaDateTime": to_wire(core.now() + timedelta(seconds=left)) if left is not None else None,
            "replicatedDisks": _disks(core, server, disconnected=disconnected),
            "dataReplicationInitiation": _initiation(core, server, error),
            "dataReplicationError": {"error": error} if error else None,
            "stagingAvailabilityZone": None if disconnected else f"{server.region}a",
        }
    )


def _disks(core: Core, server: SourceServer, *, disconnected: bool) -> list[dict[str, Any]]:
    """The disks move in step: each has the same share of its bytes."""
    done, again = copied(core, server), read_again(core, server)
    waiting, total = backlog(core, server), max(1, server.disk_bytes)
    return [
        {
            "deviceName": disk.device,
            "totalStorageBytes": 0 if disconnected else disk.size,
            "replicatedStorageBytes": 0 if disconnected else int(disk.size * done),
            "rescannedStorageBytes": 0 if disconnected else int(disk.size * again),
            "backloggedStorageBytes": 0 if disconnected else waiting * disk.size // total,
            "volumeStatus": "REGULAR",
        }
        for disk in server.disks
    ]


def _initiation(core: Core, server: SourceServer, error: str | None) -> dict[str, Any] | None:
    """The steps of setting up; the eleven are taken to last equally long."""
    status = server.replication
    if status.initiated_at is None:
        return None
    at = len(_STEPS)
    if status.state == "INITIATING":
        at = int(progress(core, server) * len(_STEPS)) if status.phase is not None else 0
    failed = (error or "").removeprefix(_FAILED_STEP)
    steps = []
    for number, name in enumerate(_STEPS):
        reached = "SUCCEEDED" if number < at else "NOT_STARTED"
        if number == at and status.phase is not None:
            reached = "IN_PROGRESS"
        steps.append({"name": name, "status": "FAILED" if name == failed else reached})
    return {
        "startDateTime": to_wire(status.initiated_at),
        "nextAttemptDateTime": to_wire(status.initiated_at + timedelta(minutes=30)),
        "steps": steps,
    }


def of_recovery_instance(core: Core, item: RecoveryInstance) -> dict[str, Any]:
    """RecoveryInstanceDataReplicationInfo: NOT_STARTED until reversed, then the reversed server's."""
    server = reversed_server(core, item)
    if item.reversed_to is None or item.replication_state == "DISCONNECTED":
        state = item.replication_state
    elif server is None:
        state = "REPLICATION_STATE_NOT_AVAILABLE"
    else:
        info = of_server(core, server)
        info["replicatedDisks"] = [
            {key: value for key, value in disk.items() if key != "volumeStatus"}
            for disk in info["replicatedDisks"]
        ]
        initiation = info.get("dataReplicationInitiation")
        if initiation is not None:
            del initiation["nextAttemptDateTime"]
        return info
    disconnected = state == "DISCONNECTED"
    disks = [
        {
            "deviceName": device,
            "totalStorageBytes": 0 if disconnected else size,
            "replicatedStorageBytes": 0,
            "rescannedStorageBytes": 0,
            "backloggedStorageBytes": 0,
        }
        for device, size, _ in item.volumes
    ]
    return {"dataReplicationState": state, "replicatedDisks": disks}
