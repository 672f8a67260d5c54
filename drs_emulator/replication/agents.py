"""The agent on a recovery instance: when it has checked in, and whether it is still seen.

EC2 is called here, so callers must not hold the state lock, except where a docstring says they do.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from drs_emulator.core import Core
from drs_emulator.ec2 import instances
from drs_emulator.errors import ConflictError
from drs_emulator.replication import runs
from drs_emulator.state import RecoveryInstance, SourceServer

NOT_CONNECTED = (
    "AWS Replication agent is not connected to DRS. Verify the agent is installed and running, and that it "
    "has connectivity to the service"
)
"""Documented text (DRS user guide, failback-replication-errors)."""


def refuse_unless_checked_in(
    core: Core, server: SourceServer, item: RecoveryInstance, instance: dict[str, Any] | None
) -> None:
    """ConflictError until the agent on ``item`` has checked in. Called under the lock.

    It checks in some time after the start of ``instance``, EC2's record of it.
    """
    state = instances.state_of(instance)
    never = core.faults.standing("AGENT_NEVER_CHECKS_IN", core.now(), server)
    if (
        state != "RUNNING"
        or instance is None
        or never
        or core.now() < _check_in(core, server, item, instance)
    ):
        raise ConflictError(
            f"Recovery instance {item.instance_id} ({state}) has not finished initializing. {NOT_CONNECTED}",
            resource_id=item.instance_id,
            kind="RECOVERY_INSTANCE",
        )


def _check_in(core: Core, server: SourceServer, item: RecoveryInstance, instance: dict[str, Any]) -> datetime:
    started = _time(instance.get("LaunchTime")) or item.created_at
    draw = random.Random(f"{core.seed}/{server.server_id}/{item.instance_id}/agent/{server.reversals}")
    seconds = draw.uniform(*core.settings.agent_check_in_seconds) * core.settings.replication_time_factor
    return started + timedelta(seconds=seconds)


def _time(value: Any) -> datetime | None:
    if isinstance(value, str):
        value = datetime.fromisoformat(value.replace("Z", "+00:00"))
    return value.astimezone(UTC) if isinstance(value, datetime) else None


def refresh(core: Core, servers: Iterable[SourceServer]) -> None:
    """Ask EC2 whether the instances that replicate to ``servers`` run, each at most once a heartbeat.

    Only reversed servers are checked; others with the setting ``stalls_when_origin_stops``.
    """
    with core.lock:
        wanted: dict[tuple[str, str], list[SourceServer]] = {}
        for server in servers:
            if _is_watched(core, server):
                server.replication.agent_seen_at = core.now()
                place = (str(server.origin_account), str(server.origin_region))
                wanted.setdefault(place, []).append(server)
    for place, watched in wanted.items():
        found = instances.describe(
            core.ec2(core.scope(*place), None), [str(server.instance_id) for server in watched]
        )
        with core.lock:
            for server in watched:
                record_state(core, server, instances.state_of(found.get(str(server.instance_id))))


def _is_watched(core: Core, server: SourceServer) -> bool:
    status = server.replication
    if server.direction != "FAILBACK" and not core.settings.stalls_when_origin_stops:
        return False
    if not status.is_active or server.extends or not (server.instance_id and server.origin_account):
        return False
    every = timedelta(seconds=core.settings.agent_heartbeat_seconds)
    return status.agent_seen_at is None or core.now() - status.agent_seen_at >= every


def record_state(core: Core, server: SourceServer, state: str) -> None:
    """Stall or resume by the EC2 state of the agent's instance. Called under the lock."""
    if state == "RUNNING":
        runs.find_agent(core, server)
    else:
        runs.lose_agent(core, server)
