"""How far the reversed servers are copied to the origin before a cutover."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.model.drs import SourceServer
from shared.model.policies import FailbackPolicies, OnReplicationTimeout
from shared.model.server import Change, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.failback.contradictions import staging_account_issue
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

STEPS = 10
"""In so many parts the bytes of a server are recorded as they come."""
APPEARS_WITHIN = timedelta(minutes=10)
"""How long a source server may be unlisted before it counts as deleted."""
PAST_REPLICATION = (
    ServerStatus.REPLICATED,
    ServerStatus.CONFIGURED,
    ServerStatus.LAUNCHING,
    ServerStatus.LAUNCH_FAILED,
    ServerStatus.LAUNCHED,
    ServerStatus.STARTING,
    ServerStatus.RECOVERED,
)
JUDGED = (ServerStatus.REVERSING, ServerStatus.REPLICATING, ServerStatus.REPLICATED)


class Action(StrEnum):
    WAIT = "WAIT"
    GO = "GO"
    STOP = "STOP"


@dataclass(frozen=True, slots=True)
class ReplicationVerdict:
    """``servers`` as judged, what to record of them, and what to do.

    ``reason`` and ``remedy`` are given for STOP. ``seconds_left`` is None where it is unknown.
    ``newly_stalled`` and ``too_late`` (for which the policy is to stop): source server ids. The counts are
    after the changes.
    """

    action: Action
    servers: list[ServerRecord]
    changes: list[Change]
    replicating: int
    replicated: int
    failed: int
    bytes_left: int
    seconds_left: int | None
    wait_seconds: int
    newly_stalled: tuple[str, ...] = ()
    too_late: tuple[str, ...] = ()
    reason: str | None = None
    remedy: str | None = None


def judge_replication(
    servers: Sequence[ServerRecord],
    a2: Mapping[str, SourceServer],
    policies: FailbackPolicies,
    now: datetime,
) -> ReplicationVerdict:
    """Whether all of ``servers`` (those of the execution) have a copy at the origin that is new enough.

    ``a2``: how DRS describes the reversed servers, by id (``ServerRecord.drs_server_id``). GO only
    when no server is without an outcome and not replicated; servers that are late at the deadline fall to
    ``policies.on_replication_timeout``. One that was replicated and is not any more counts as replicating.
    """
    changes = [Change(s, _judged(s, a2, policies, now)) for s in servers if s.status in JUDGED]
    judged = {change.before.source_server_id: change.after for change in changes}
    after = [judged.get(server.source_server_id, server) for server in servers]
    pending = [server for server in after if _is_pending(server.status)]
    ready = sum(server.status in PAST_REPLICATION for server in after)
    stops = _stops(changes, policies, now)
    action = _action(stops, pending, ready)
    reason, remedy = _why_stop(stops) if action is Action.STOP else (None, None)
    seconds_left = longest([_seconds_left(s, a2.get(s.drs_server_id), now) for s in pending])
    return ReplicationVerdict(
        action=action,
        servers=after,
        changes=[change for change in changes if change.values],
        replicating=len(pending),
        replicated=ready,
        failed=sum(server.status is ServerStatus.FAILED for server in after),
        bytes_left=sum(_bytes_left(a2.get(s.drs_server_id)) for s in pending),
        seconds_left=seconds_left,
        wait_seconds=poll_wait(seconds_left),
        newly_stalled=tuple(c.before.source_server_id for c in changes if _stalls(c)),
        too_late=tuple(s.source_server_id for s in stops),
        reason=reason,
        remedy=remedy,
    )


def _is_pending(status: ServerStatus) -> bool:
    return not status.is_final and status not in PAST_REPLICATION


def _stalls(change: Change) -> bool:
    """Whether the change is the first to show a stall."""
    before, after = change.before.failback, change.after.failback
    return before.stalled_since is None and after.stalled_since is not None


def _stops(changes: Iterable[Change], policies: FailbackPolicies, now: datetime) -> list[ServerRecord]:
    """The servers that are too late, where the policy is to stop for them."""
    if policies.on_replication_timeout is not OnReplicationTimeout.STOP:
        return []
    failed = [change.before for change in changes if change.after.status is ServerStatus.FAILED]
    return [server for server in failed if _is_late(server, policies, now)]


def _action(stops: Sequence[ServerRecord], pending: Sequence[ServerRecord], ready: int) -> Action:
    if stops or not (ready or pending):
        return Action.STOP
    return Action.WAIT if pending else Action.GO


# --- one server -------------------------------------------------------------------------------------------


def _judged(
    server: ServerRecord, a2: Mapping[str, SourceServer], policies: FailbackPolicies, now: datetime
) -> ServerRecord:
    source = a2.get(server.drs_server_id) if server.failback.reversed_server_id else None
    if source is None:
        return _unlisted(server, policies, now)
    if (issue := staging_account_issue(source)) is not None:
        return server.failed(issue.found, issue.remedy)
    if source.replication_state == "DISCONNECTED":
        return server.failed(
            f"The reversed server {source.source_server_id} was disconnected.",
            "Delete it, then start the failback again: aws drs delete-source-server "
            f"--source-server-id {source.source_server_id} --region {source.scope.region}",
        )
    seen = _seen(server, source)
    lag = source.lag_seconds
    if source.replication_state == "CONTINUOUS" and lag is not None and lag <= policies.max_lag_seconds:
        return replace(_first_copy(_unstalled(seen), now), status=ServerStatus.REPLICATED)
    if _is_late(server, policies, now):
        return _too_late(seen, policies, f"Its replication is {state_text(source)}.")
    return replace(_stalled(seen, source, now), status=ServerStatus.REPLICATING)


def _unlisted(server: ServerRecord, policies: FailbackPolicies, now: datetime) -> ServerRecord:
    if _is_late(server, policies, now):
        return _too_late(server, policies, "Its reversed server does not replicate yet.")
    since = time_of(server.failback.reverse_requested_at)
    reversed_id = server.failback.reversed_server_id
    if reversed_id is None or since is None or now - since <= APPEARS_WITHIN:
        replicated = server.status is ServerStatus.REPLICATED
        return replace(server, status=ServerStatus.REPLICATING) if replicated else server
    return server.failed(
        f"The reversed server {reversed_id} no longer exists: it was deleted.",
        "Start the failback again: it makes a new one, which copies everything anew.",
    )


def _seen(server: ServerRecord, source: SourceServer) -> ServerRecord:
    """The server as it is seen now; its bytes in steps of a tenth, to spare a write for each poll."""
    seen = replace(server.failback, replication_state=source.replication_state)
    progress = source.progress
    if progress is not None:
        done = progress.replicated_bytes >= progress.total_bytes
        step = abs(progress.replicated_bytes - seen.bytes_replicated) * STEPS >= progress.total_bytes
        replicated = progress.replicated_bytes if done or step else seen.bytes_replicated
        seen = replace(seen, bytes_total=progress.total_bytes, bytes_replicated=replicated)
    return replace(server, failback=seen)


def _first_copy(server: ServerRecord, now: datetime) -> ServerRecord:
    at = server.failback.replicated_at or iso(now)
    return replace(server, failback=replace(server.failback, replicated_at=at))


def _stalled(server: ServerRecord, source: SourceServer, now: datetime) -> ServerRecord:
    if source.replication_state not in STUCK_STATES:
        return _unstalled(server)
    reason = f"The replication to the origin is {state_text(source)}."
    if source.replication_state == "STALLED":
        remedy = stall_remedy(source.stalled_reason)
    else:
        remedy = (
            f"Start it again: aws drs start-replication --source-server-id {source.source_server_id} "
            f"--region {source.scope.region}"
        )
    if server.reason != reason:
        server = replace(server, reason=reason, remedy=remedy)
    if server.failback.stalled_since is not None:
        return server
    stalled = replace(server.failback, stalled_since=iso(now), stall_reported=False)
    return replace(server, failback=stalled)


def _unstalled(server: ServerRecord) -> ServerRecord:
    if server.failback.stalled_since is None:
        return server
    over = replace(server.failback, stalled_since=None, stall_reported=False)
    return replace(server, failback=over, reason=None, remedy=None)


def _too_late(server: ServerRecord, policies: FailbackPolicies, why: str) -> ServerRecord:
    seconds = policies.replication_deadline_seconds
    stays = f"{server.failback.workload_instance_id or 'Its instance'} runs on the recovery side as before"
    skips = policies.on_replication_timeout is OnReplicationTimeout.SKIP
    return replace(
        server,
        status=ServerStatus.SKIPPED if skips else ServerStatus.FAILED,
        reason=f"It was not replicated to the origin within {seconds} s. {why} {stays}.",
        remedy="The replication goes on. Start the failback again when it is CONTINUOUS; or give it more "
        "time with policies.failback.replicationDeadlineSeconds or onReplicationTimeout: WAIT in the plan.",
    )


def _is_late(server: ServerRecord, policies: FailbackPolicies, now: datetime) -> bool:
    """Whether it is past the deadline. With WAIT there is none."""
    since = time_of(server.failback.reverse_requested_at)
    if policies.on_replication_timeout is OnReplicationTimeout.WAIT or since is None:
        return False
    return (now - since).total_seconds() > policies.replication_deadline_seconds


def _why_stop(too_late: Sequence[ServerRecord]) -> tuple[str, str]:
    if too_late:
        names = ", ".join(server.name for server in too_late[:10])
        more = f" and {len(too_late) - 10} more" if len(too_late) > 10 else ""
        return (
            f"Not replicated to the origin at the deadline: {names}{more}. The policy is to stop then.",
            "Nothing was stopped or launched, and the replication goes on. Start the failback again when all "
            "are CONTINUOUS; or set policies.failback.onReplicationTimeout: SKIP in the plan.",
        )
    return (
        "No server has a copy at the origin.",
        "Follow each server's remedy, then start the failback again.",
    )


# --- bytes and time ---------------------------------------------------------------------------------------


def _bytes_left(source: SourceServer | None) -> int:
    progress = source.progress if source else None
    if progress is None:
        return 0
    return max(0, progress.total_bytes - progress.replicated_bytes) + progress.backlog_bytes


def _seconds_left(server: ServerRecord, source: SourceServer | None, now: datetime) -> float | None:
    """By DRS's own estimate if it gives one, else by the rate since the reversal."""
    if source is None or source.progress is None:
        return None
    eta = time_of(source.progress.eta)
    if eta is not None and eta > now:
        return (eta - now).total_seconds()
    return seconds_at_rate(
        source.progress.replicated_bytes,
        _bytes_left(source),
        time_of(server.failback.reverse_requested_at),
        now,
    )
