"""How far the copies are: of the reversed servers before a cutover, and of the way back to protection.

What a stall means is in the DRS user guide, common replication errors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from shared.model.drs import SourceServer
from shared.model.policies import FailbackPolicies, OnReplicationTimeout
from shared.model.server import ServerRecord
from shared.model.status import Protection, ServerStatus
from shared.rules.failback.original_identifier import staging_account_issue

SHORTEST_WAIT, LONGEST_WAIT = 15, 300
"""Seconds between two looks: a tenth of the time that is left, within these bounds."""
UNKNOWN_WAIT = 30
STEPS = 10
"""In so many parts the bytes of a server are recorded as they come."""
APPEARS_WITHIN = timedelta(minutes=10)
"""How long a source server may be unlisted before it counts as deleted."""
SETTLING = timedelta(seconds=30)
"""So long after re-protection was asked for, DRS may still show the state before."""
STUCK_STATES = ("STALLED", "STOPPED", "PAUSED")
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

Values = dict[str, Any]
"""New values of fields of a ServerRecord."""


class Action(StrEnum):
    WAIT = "WAIT"
    GO = "GO"
    STOP = "STOP"


@dataclass(frozen=True, slots=True)
class ReplicationVerdict:
    """What to record of each server (by source server id) and what to do.

    ``reason`` and ``remedy`` are given for STOP. ``seconds_left`` is None where nothing tells it.
    ``newly_stalled`` and ``too_late`` (for which the policy is to stop): source server ids. The counts are
    after the changes.
    """

    action: Action
    changes: dict[str, Values]
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


@dataclass(frozen=True, slots=True)
class ReprotectionVerdict:
    """What to record of each server (by source server id, for ``change_settled``), and the counts after."""

    changes: dict[str, Values]
    pending: int
    protected: int
    failed: int
    bytes_left: int
    wait_seconds: int


def judge_replication(
    servers: Sequence[ServerRecord],
    a2: Mapping[str, SourceServer],
    policies: FailbackPolicies,
    now: datetime,
) -> ReplicationVerdict:
    """Whether all of ``servers`` (those of the execution) have a copy at the origin that is new enough.

    ``a2``: what DRS says of the reversed servers, by id (``ServerRecord.drs_server_id``). GO is said only
    when no server is without an outcome and not replicated; servers that are late at the deadline fall to
    ``policies.on_replication_timeout``. One that was replicated and is not any more counts as replicating.
    """
    changes = {s.source_server_id: _judged(s, a2, policies, now) for s in servers if s.status in JUDGED}
    after = {s.source_server_id: changes.get(s.source_server_id, {}).get("status", s.status) for s in servers}
    pending = [
        s
        for s in servers
        if not after[s.source_server_id].is_final and after[s.source_server_id] not in PAST_REPLICATION
    ]
    ready = sum(status in PAST_REPLICATION for status in after.values())
    late = [s for s in servers if changes.get(s.source_server_id, {}).get("status") is ServerStatus.FAILED]
    too_late = [s for s in late if _is_late(s, policies, now)]
    stop = policies.on_replication_timeout is OnReplicationTimeout.STOP and too_late
    lefts = [_seconds_left(s, a2.get(s.drs_server_id), now) for s in pending]
    seconds_left = _longest(lefts)
    going = Action.WAIT if pending else Action.GO
    action = Action.STOP if stop or not (ready or pending) else going
    reason, remedy = _why_stop(bool(stop), too_late) if action is Action.STOP else (None, None)
    return ReplicationVerdict(
        action=action,
        changes={server_id: values for server_id, values in changes.items() if values},
        replicating=len(pending),
        replicated=ready,
        failed=sum(s is ServerStatus.FAILED for s in after.values()),
        bytes_left=sum(_bytes_left(a2.get(s.drs_server_id)) for s in pending),
        seconds_left=seconds_left,
        wait_seconds=_wait(seconds_left),
        newly_stalled=tuple(
            server_id for server_id, values in changes.items() if values.get("stalled_since") is not None
        ),
        too_late=tuple(s.source_server_id for s in too_late) if stop else (),
        reason=reason,
        remedy=remedy,
    )


def judge_reprotection(
    servers: Sequence[ServerRecord],
    b1: Mapping[str, SourceServer],
    policies: FailbackPolicies,
    now: datetime,
) -> ReprotectionVerdict:
    """How far the servers that came home are on their way to being protected.

    ``b1``: what DRS says of the source servers on the recovery side, by id. Only RETURNING and RESCANNING
    servers are judged; those that are not done at the deadline become UNPROTECTED with reason and remedy.
    """
    open_ones = [s for s in servers if s.protection in (Protection.RETURNING, Protection.RESCANNING)]
    changes = {s.source_server_id: _reprotected(s, b1, policies, now) for s in open_ones}
    after = [changes.get(s.source_server_id, {}).get("protection", s.protection) for s in servers]
    pending = [s for s in open_ones if "protection" not in changes[s.source_server_id]]
    seconds_left = _longest([_rescan_seconds_left(s, b1.get(s.source_server_id), now) for s in pending])
    return ReprotectionVerdict(
        changes={server_id: values for server_id, values in changes.items() if values},
        pending=len(pending),
        protected=sum(p in (Protection.PROTECTED, Protection.RETIRED) for p in after),
        failed=sum(p is Protection.UNPROTECTED for p in after),
        bytes_left=sum(_rescan_bytes_left(b1.get(s.source_server_id)) for s in pending),
        wait_seconds=_wait(seconds_left),
    )


def reprotect_done(server: SourceServer) -> bool:
    """Whether a source server protects its instance again: continuous, every disk rescanned, no lag.

    The state alone is not enough: it is CONTINUOUS before the disks are read again (observed in the field).
    """
    if server.replication_state != "CONTINUOUS" or server.lag_seconds != 0:
        return False
    return server.progress is not None and server.progress.every_disk_rescanned


def stall_remedy(error: str | None) -> str:
    """What to do about a ``dataReplicationError``. Total: an unknown error gets an answer too."""
    return _STALL_REMEDIES.get(error or "", _ANY_STALL)


# --- one server -------------------------------------------------------------------------------------------


def _judged(
    server: ServerRecord, a2: Mapping[str, SourceServer], policies: FailbackPolicies, now: datetime
) -> Values:
    source = a2.get(server.drs_server_id) if server.reversed_server_id else None
    if source is None:
        return _unlisted(server, policies, now)
    if (issue := staging_account_issue(source)) is not None:
        return {"status": ServerStatus.FAILED, "reason": issue.found, "remedy": issue.remedy}
    if source.replication_state == "DISCONNECTED":
        return {
            "status": ServerStatus.FAILED,
            "reason": f"The reversed server {source.source_server_id} was disconnected.",
            "remedy": "Delete it, then start the failback again: aws drs delete-source-server "
            f"--source-server-id {source.source_server_id} --region {source.scope.region}",
        }
    seen = _seen(server, source)
    lag = source.lag_seconds
    if source.replication_state == "CONTINUOUS" and lag is not None and lag <= policies.max_lag_seconds:
        return {**seen, "status": ServerStatus.REPLICATED, **_unstalled(server), **_first_copy(server, now)}
    if _is_late(server, policies, now):
        return {**seen, **_too_late(server, policies, f"Its replication is {_worded(source)}.")}
    stalled = _stalled(server, source, now)
    again = {"status": ServerStatus.REPLICATING} if server.status is not ServerStatus.REPLICATING else {}
    return {**seen, **again, **stalled}


def _unlisted(server: ServerRecord, policies: FailbackPolicies, now: datetime) -> Values:
    if _is_late(server, policies, now):
        return _too_late(server, policies, "Its reversed server does not replicate yet.")
    since = _time(server.reverse_requested_at)
    if server.reversed_server_id is None or since is None or now - since <= APPEARS_WITHIN:
        replicated = server.status is ServerStatus.REPLICATED
        return {"status": ServerStatus.REPLICATING} if replicated else {}
    return {
        "status": ServerStatus.FAILED,
        "reason": f"The reversed server {server.reversed_server_id} is gone: somebody deleted it.",
        "remedy": "Start the failback again: it makes a new one, which copies everything anew.",
    }


def _seen(server: ServerRecord, source: SourceServer) -> Values:
    """What changed of the server; bytes in steps of a tenth, to spare a write for each server and look."""
    values: Values = {"replication_state": source.replication_state}
    progress = source.progress
    if progress is not None:
        values["bytes_total"] = progress.total_bytes
        done = progress.replicated_bytes >= progress.total_bytes
        if done or abs(progress.replicated_bytes - server.bytes_replicated) * STEPS >= progress.total_bytes:
            values["bytes_replicated"] = progress.replicated_bytes
    return {name: value for name, value in values.items() if getattr(server, name) != value}


def _first_copy(server: ServerRecord, now: datetime) -> Values:
    return {} if server.replicated_at else {"replicated_at": _text(now)}


def _stalled(server: ServerRecord, source: SourceServer, now: datetime) -> Values:
    if source.replication_state not in STUCK_STATES:
        return _unstalled(server)
    reason = f"The replication to the origin is {_worded(source)}."
    if source.replication_state == "STALLED":
        remedy = stall_remedy(source.stalled_reason)
    else:
        remedy = (
            f"Start it again: aws drs start-replication --source-server-id {source.source_server_id} "
            f"--region {source.scope.region}"
        )
    values: Values = {} if server.reason == reason else {"reason": reason, "remedy": remedy}
    if server.stalled_since is None:
        values |= {"stalled_since": _text(now), "stall_reported": False}
    return values


def _unstalled(server: ServerRecord) -> Values:
    if server.stalled_since is None:
        return {}
    return {"stalled_since": None, "stall_reported": False, "reason": None, "remedy": None}


def _too_late(server: ServerRecord, policies: FailbackPolicies, why: str) -> Values:
    seconds = policies.replication_deadline_seconds
    stays = f"{server.workload_instance_id or 'Its instance'} runs on the recovery side as before"
    skips = policies.on_replication_timeout is OnReplicationTimeout.SKIP
    return {
        "status": ServerStatus.SKIPPED if skips else ServerStatus.FAILED,
        "reason": f"It was not replicated to the origin within {seconds} s. {why} {stays}.",
        "remedy": "The replication goes on. Start the failback again when it is CONTINUOUS; or give it more "
        "time with policies.failback.replicationDeadlineSeconds or onReplicationTimeout: WAIT in "
        "the plan.",
    }


def _is_late(server: ServerRecord, policies: FailbackPolicies, now: datetime) -> bool:
    """Whether it is past the deadline. With WAIT there is none."""
    since = _time(server.reverse_requested_at)
    if policies.on_replication_timeout is OnReplicationTimeout.WAIT or since is None:
        return False
    return (now - since).total_seconds() > policies.replication_deadline_seconds


def _why_stop(late: bool, too_late: Sequence[ServerRecord]) -> tuple[str, str]:
    if late:
        names = ", ".join(server.name for server in too_late[:10])
        more = f" and {len(too_late) - 10} more" if len(too_late) > 10 else ""
        return (
            f"Not replicated to the origin at the deadline: {names}{more}. The policy is to stop then.",
            "Nothing was stopped or launched, and the replication goes on. Start the failback again when all "
            "are CONTINUOUS; or set policies.failback.on_replication_timeout: SKIP in the plan.",
        )
    return (
        "No server has a copy at the origin.",
        "Follow each server's remedy, then start the failback again.",
    )


def _reprotected(
    server: ServerRecord, b1: Mapping[str, SourceServer], policies: FailbackPolicies, now: datetime
) -> Values:
    requested = _time(server.reprotect_requested_at)
    source = b1.get(server.source_server_id)
    if server.protection is Protection.RESCANNING and source is not None and reprotect_done(source):
        if requested is None or now - requested >= SETTLING:
            return {
                "protection": Protection.PROTECTED,
                "protected_at": _text(now),
                "protection_reason": None,
                "protection_remedy": None,
            }
        return {}
    why, remedy = _unprotected_because(server, source)
    since = requested or _time(server.verified_at)
    if since is not None and (now - since).total_seconds() > policies.reprotect_deadline_seconds:
        seconds = policies.reprotect_deadline_seconds
        return {
            "protection": Protection.UNPROTECTED,
            "protection_reason": f"It was not protected again within {seconds} s. {why}",
            "protection_remedy": remedy,
        }
    if source is not None and source.replication_state == "DISCONNECTED":
        reason = {"protection_reason": why, "protection_remedy": remedy}
        return {"protection": Protection.UNPROTECTED, **reason}
    return {}


def _unprotected_because(server: ServerRecord, source: SourceServer | None) -> tuple[str, str]:
    again = "then start the failback of this plan again: it goes on from here."
    if server.protection is Protection.RETURNING:
        return (
            f"The agent on {server.pair_instance_id} did not check in.",
            "Check its instance profile (AWSElasticDisasterRecoveryRecoveryInstancePolicy), its instance "
            f"metadata and its way out on TCP 443, {again}",
        )
    if source is None:
        return (
            f"The source server {server.source_server_id} is gone.",
            f"Install the DRS agent on {server.pair_instance_id} again.",
        )
    if source.replication_state == "DISCONNECTED":
        return (
            f"The source server {server.source_server_id} was disconnected.",
            f"Install the DRS agent on {server.pair_instance_id} again.",
        )
    if source.replication_state in STUCK_STATES:
        return f"Its replication is {_worded(source)}.", stall_remedy(source.stalled_reason)
    return (
        f"Its replication is {_worded(source)}.",
        f"Wait until it is CONTINUOUS without lag, {again} policies.failback.reprotectDeadlineSeconds in the "
        "plan gives it more time.",
    )


def _worded(source: SourceServer) -> str:
    if source.replication_state in STUCK_STATES:
        return f"{source.replication_state} ({source.stalled_reason or 'DRS gives no error'})"
    if source.replication_state == "CONTINUOUS":
        lag = "an unknown lag" if source.lag_seconds is None else f"a lag of {source.lag_seconds:.0f} s"
        return f"CONTINUOUS with {lag}"
    return source.replication_state


# --- bytes and time ---------------------------------------------------------------------------------------


def _bytes_left(source: SourceServer | None) -> int:
    progress = source.progress if source else None
    if progress is None:
        return 0
    return max(0, progress.total_bytes - progress.replicated_bytes) + progress.backlog_bytes


def _rescan_bytes_left(source: SourceServer | None) -> int:
    progress = source.progress if source else None
    return max(0, progress.total_bytes - progress.rescanned_bytes) if progress else 0


def _seconds_left(server: ServerRecord, source: SourceServer | None, now: datetime) -> float | None:
    """By DRS's own estimate if it gives one, else by the rate since the reversal."""
    if source is None or source.progress is None:
        return None
    eta = _time(source.progress.eta)
    if eta is not None and eta > now:
        return (eta - now).total_seconds()
    return _at_rate(
        source.progress.replicated_bytes, _bytes_left(source), _time(server.reverse_requested_at), now
    )


def _rescan_seconds_left(server: ServerRecord, source: SourceServer | None, now: datetime) -> float | None:
    if source is None or source.progress is None:
        return None
    left = _rescan_bytes_left(source)
    return _at_rate(source.progress.rescanned_bytes, left, _time(server.reprotect_requested_at), now)


def _at_rate(done: int, left: int, since: datetime | None, now: datetime) -> float | None:
    if left == 0:
        return 0.0
    if since is None or done <= 0 or now <= since:
        return None
    return left * (now - since).total_seconds() / done


def _longest(lefts: Sequence[float | None]) -> int | None:
    known = [left for left in lefts if left is not None]
    if lefts and not known:
        return None
    return round(max(known, default=0.0))


def _wait(seconds_left: int | None) -> int:
    if seconds_left is None:
        return UNKNOWN_WAIT
    return max(SHORTEST_WAIT, min(LONGEST_WAIT, seconds_left // 10))


def _time(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _text(time: datetime) -> str:
    """As every other time of a record is written."""
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


_STAGING = "Its staging area is in the origin: see the replication settings there."
_ANY_STALL = (
    "Read the replication's events in the DRS console of the origin and mend what they name; it goes on then."
)
_STALL_REMEDIES = {
    "AGENT_NOT_SEEN": (
        "See that the instance runs, that its agent does (systemctl status aws-replication), that its "
        "profile has AWSElasticDisasterRecoveryRecoveryInstancePolicy, and that TCP 443 is open to DRS."
    ),
    "SNAPSHOTS_FAILURE": (
        "DRS cannot take snapshots: look for a service control policy that denies ec2:CreateSnapshot, and "
        "for EC2 API throttling or a snapshot quota. It tries again by itself."
    ),
    "NOT_CONVERGING": (
        "More is written than gets through. Give it more bandwidth (bandwidth throttling off, a larger "
        "replication server), a faster staging disk type, or less to write."
    ),
    "UNSTABLE_NETWORK": (
        "The connection breaks again and again: check the route between the sides, packet loss and MTU, and "
        "firewalls that cut long TCP 1500 connections."
    ),
    "FAILED_TO_CREATE_SECURITY_GROUP": (
        "DRS cannot make its security group: look for a service control policy that denies "
        "ec2:CreateSecurityGroup, and the quota of security groups in the staging VPC."
    ),
    "FAILED_TO_LAUNCH_REPLICATION_SERVER": (
        "EC2 launches no replication server: check the vCPU quota, the capacity for its instance type, free "
        f"addresses in the staging subnet, and service control policies. {_STAGING}"
    ),
    "FAILED_TO_BOOT_REPLICATION_SERVER": (
        "The replication server does not boot: check the KMS key of the staging disks and the status checks "
        f"of the instance in EC2. {_STAGING}"
    ),
    "FAILED_TO_AUTHENTICATE_WITH_SERVICE": (
        "The staging subnet does not reach DRS on TCP 443: give it a route through a NAT or an internet "
        "gateway, or VPC endpoints, and open its network ACL."
    ),
    "FAILED_TO_DOWNLOAD_REPLICATION_SOFTWARE": (
        "The staging subnet does not reach S3 on TCP 443: give it a route or an S3 gateway endpoint, whose "
        "policy allows the buckets of DRS."
    ),
    "FAILED_TO_CREATE_STAGING_DISKS": (
        "The staging disks cannot be made: allow DRS to use the KMS key, and check the EBS volume quota."
    ),
    "FAILED_TO_ATTACH_STAGING_DISKS": (
        "The staging disks cannot be attached: check the volume limit of the replication server's type and "
        "service control policies that deny ec2:AttachVolume."
    ),
    "FAILED_TO_PAIR_REPLICATION_SERVER_WITH_AGENT": (
        "Agent and replication server did not find each other: see that the instance runs and reaches DRS on "
        "TCP 443. It tries again by itself."
    ),
    "FAILED_TO_CONNECT_AGENT_TO_REPLICATION_SERVER": (
        "TCP 1500 is closed between the instance and the staging subnet: open it in the security groups, the "
        "network ACLs and firewalls on the way."
    ),
    "FAILED_TO_START_DATA_TRANSFER": (
        "No data flow although the connection is made: check firewalls that inspect TCP 1500, and start the "
        "agent again (systemctl restart aws-replication)."
    ),
}
