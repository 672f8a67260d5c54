"""ReserveServers: lock every server, so that no other execution touches it meanwhile."""

from __future__ import annotations

from typing import Any

from shared.model.policies import Mode
from shared.model.status import ServerStatus
from shared.model.unreadable_site import UnreadableSite
from shared.rules.waves.outcome import BlockedDecision, blocked_decision
from shared.services.reservation import Reservation
from shared.settings import ConfigurationSettings
from shared.task import Run, task

CANCELLED = {"decision": "CANCELLED", "reserved": 0, "blocked": 0}


@task(ConfigurationSettings)
def handler(run: Run[ConfigurationSettings]) -> dict[str, Any]:
    """``{executionId, executionArn}`` → ``{decision, reserved, blocked}``."""
    store, execution = run.store, run.execution
    if execution.record.cancellation is not None:
        return CANCELLED
    ready = [s for s in store.servers(run.execution_id) if s.status is ServerStatus.READY]
    reservation = Reservation(store, execution, run.text("executionArn"))
    blocked = reservation.lock(ready)
    store.change_servers(run.execution_id, blocked, only_from=(ServerStatus.READY,))
    servers = store.servers(run.execution_id)
    unreadable = store.facts(run.execution_id, UnreadableSite)
    decision = blocked_decision(execution.policies, servers, sites=len(unreadable))
    if decision is BlockedDecision.PROCEED and execution.record.mode is not Mode.FAILBACK:
        reservation.claim_slots(servers, run.now)
    if reservation.release_if_over(ready):
        return CANCELLED
    reserved = len(ready) - len(blocked)
    return {"decision": decision.value, "reserved": reserved, "blocked": len(blocked)}
