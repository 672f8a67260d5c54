"""A failed-back original is made to replicate to the recovery side again: what each answer means."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from shared.model.drs import RecoveryInstance
from shared.model.prerequisite_facts import CheckFailure
from shared.model.server import ServerRecord
from shared.model.status import Protection, ServerStatus
from shared.rules.failback.identity import NOT_REVERSED
from shared.times import iso, parse_time

TIMEOUT = timedelta(minutes=30)
"""How long an agent may take to check in after its instance has started."""
CHECK_AGENT = (
    "Check the DRS agent on {instance}: its instance profile needs "
    "AWSElasticDisasterRecoveryRecoveryInstancePolicy, the instance metadata must be reachable, and TCP 443 "
    "to the DRS and S3 endpoints of the recovery Region open."
)


def is_to_reprotect(server: ServerRecord) -> bool:
    return server.status is ServerStatus.RECOVERED and server.failback.protection in (
        None,
        Protection.RETURNING,
    )


def reprotection_requested(server: ServerRecord, now: datetime) -> ServerRecord:
    return replace(
        server,
        failback=replace(server.failback, protection=Protection.RETURNING, reprotect_requested_at=iso(now)),
    )


def is_reversed(instance: RecoveryInstance) -> bool:
    """Whether an earlier call reversed it: its answer was lost, or its execution was killed."""
    return instance.replication_state not in (None, NOT_REVERSED)


def reprotecting(server: ServerRecord) -> ServerRecord:
    """DRS replicates the original; WatchReprotection sees the end of it."""
    return replace(
        server,
        failback=replace(
            server.failback, protection=Protection.RESCANNING, protection_reason=None, protection_remedy=None
        ),
    )


def not_reprotected(
    server: ServerRecord, issue: CheckFailure, now: datetime, *, may_pass: bool
) -> ServerRecord:
    """The server unchanged while the issue may pass in time, else UNPROTECTED."""
    if may_pass and now - parse_time(server.failback.reprotect_requested_at) <= TIMEOUT:
        return server
    advice = CHECK_AGENT if may_pass else issue.remedy
    return replace(
        server,
        failback=replace(
            server.failback,
            protection=Protection.UNPROTECTED,
            protection_reason=f"It could not be protected again: {issue.found}",
            protection_remedy=f"{advice.format(instance=server.pair_instance_id)} "
            "Then run the failback again: it resumes there.",
        ),
    )


def is_unseen(server: ServerRecord) -> bool:
    """Whether an earlier execution left it half retired: its protection counts only once DRS shows it."""
    return server.failback.protection is Protection.PROTECTED and server.failback.protected_at is None


def judged_anew(server: ServerRecord, now: datetime) -> ServerRecord:
    since = server.failback.reprotect_requested_at or iso(now)
    return replace(
        server,
        failback=replace(server.failback, protection=Protection.RESCANNING, reprotect_requested_at=since),
    )
