"""How far the servers of a failback are on their way to being protected again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.model.drs import SourceServer
from shared.model.policies import FailbackPolicies
from shared.model.server import Change, ServerRecord
from shared.model.status import Protection
from shared.rules.failback.copy_progress import (
    STUCK_STATES,
    longest,
    poll_wait,
    seconds_at_rate,
    state_text,
    time_of,
)
from shared.rules.failback.stall_remedies import stall_remedy
from shared.times import iso

OPEN = (Protection.RETURNING, Protection.RESCANNING)
SETTLING = timedelta(seconds=30)
"""So long after re-protection was asked for, DRS may still show the state before."""


@dataclass(frozen=True, slots=True)
class ReprotectionVerdict:
    """What to record of the servers (with ``change_settled``), and the counts after."""

    changes: list[Change]
    pending: int
    protected: int
    failed: int
    bytes_left: int
    wait_seconds: int


def judge_reprotection(
    servers: Sequence[ServerRecord],
    b1: Mapping[str, SourceServer],
    policies: FailbackPolicies,
    now: datetime,
) -> ReprotectionVerdict:
    """How far the servers at the origin are on their way to being protected.

    ``b1``: how DRS describes the source servers on the recovery side, by id. Only RETURNING and RESCANNING
    servers are judged; those that are not done at the deadline become UNPROTECTED with reason and remedy.
    """
    open_ones = [s for s in servers if s.failback.protection in OPEN]
    changes = [Change(server, _reprotected(server, b1, policies, now)) for server in open_ones]
    judged = {change.before.source_server_id: change.after for change in changes}
    after = [judged.get(s.source_server_id, s).failback.protection for s in servers]
    pending = [change.after for change in changes if change.after.failback.protection in OPEN]
    seconds_left = longest([_rescan_seconds_left(s, b1.get(s.source_server_id), now) for s in pending])
    return ReprotectionVerdict(
        changes=[change for change in changes if change.values],
        pending=len(pending),
        protected=sum(p in (Protection.PROTECTED, Protection.RETIRED) for p in after),
        failed=sum(p is Protection.UNPROTECTED for p in after),
        bytes_left=sum(_rescan_bytes_left(b1.get(s.source_server_id)) for s in pending),
        wait_seconds=poll_wait(seconds_left),
    )


def reprotect_done(server: SourceServer) -> bool:
    """Whether a source server protects its instance again: continuous, every disk rescanned, no lag.

    The state alone is not enough: it is CONTINUOUS before the disks are read again (observed in the field).
    """
    if server.replication_state != "CONTINUOUS" or server.lag_seconds != 0:
        return False
    return server.progress is not None and server.progress.every_disk_rescanned


def _reprotected(
    server: ServerRecord, b1: Mapping[str, SourceServer], policies: FailbackPolicies, now: datetime
) -> ServerRecord:
    back = server.failback
    requested = time_of(back.reprotect_requested_at)
    source = b1.get(server.source_server_id)
    if back.protection is Protection.RESCANNING and source is not None and reprotect_done(source):
        if requested is not None and now - requested < SETTLING:
            return server
        done = replace(back, protection=Protection.PROTECTED, protected_at=iso(now))
        return replace(server, failback=replace(done, protection_reason=None, protection_remedy=None))
    why, remedy = _unprotected_because(server, source)
    since = requested or time_of(server.verified_at)
    seconds = policies.reprotect_deadline_seconds
    if since is not None and (now - since).total_seconds() > seconds:
        return _unprotected(server, f"It was not protected again within {seconds} s. {why}", remedy)
    if source is not None and source.replication_state == "DISCONNECTED":
        return _unprotected(server, why, remedy)
    return server


def _unprotected(server: ServerRecord, reason: str, remedy: str) -> ServerRecord:
    lost = replace(server.failback, protection=Protection.UNPROTECTED)
    return replace(server, failback=replace(lost, protection_reason=reason, protection_remedy=remedy))


def _unprotected_because(server: ServerRecord, source: SourceServer | None) -> tuple[str, str]:
    again = "then start the failback of this plan again: it continues from here."
    if server.failback.protection is Protection.RETURNING:
        return (
            f"The agent on {server.pair_instance_id} did not check in.",
            "Check its instance profile (AWSElasticDisasterRecoveryRecoveryInstancePolicy), its instance "
            f"metadata and its egress on TCP 443, {again}",
        )
    if source is None:
        return (
            f"The source server {server.source_server_id} no longer exists.",
            f"Install the DRS agent on {server.pair_instance_id} again.",
        )
    if source.replication_state == "DISCONNECTED":
        return (
            f"The source server {server.source_server_id} was disconnected.",
            f"Install the DRS agent on {server.pair_instance_id} again.",
        )
    if source.replication_state in STUCK_STATES:
        return f"Its replication is {state_text(source)}.", stall_remedy(source.stalled_reason)
    return (
        f"Its replication is {state_text(source)}.",
        f"Wait until it is CONTINUOUS without lag, {again} policies.failback.reprotectDeadlineSeconds in the "
        "plan gives it more time.",
    )


def _rescan_bytes_left(source: SourceServer | None) -> int:
    progress = source.progress if source else None
    return max(0, progress.total_bytes - progress.rescanned_bytes) if progress else 0


def _rescan_seconds_left(server: ServerRecord, source: SourceServer | None, now: datetime) -> float | None:
    if source is None or source.progress is None:
        return None
    left = _rescan_bytes_left(source)
    return seconds_at_rate(
        source.progress.rescanned_bytes, left, time_of(server.failback.reprotect_requested_at), now
    )
