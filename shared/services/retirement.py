"""One call of RetireRecovery: several steps per server, and what their progress means for its record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.model.server import Change, ServerRecord
from shared.model.status import Protection
from shared.services.recovery_retirer import Progress, RecoveryRetirer
from shared.store import ExecutionStore
from shared.times import iso, parse_time

TIMEOUT = timedelta(minutes=30)
"""How long DRS and EC2 may delay a step; the servers are failed back and protected all the while."""
STEPS = 8
"""A server needs up to seven calls one after the other; most follow each other at once."""


@dataclass(frozen=True, slots=True)
class Retirement:
    changes: list[Change]
    retired: list[ServerRecord]
    failed: list[ServerRecord]
    pending: list[ServerRecord]


def begin(
    store: ExecutionStore, execution_id: str, servers: Sequence[ServerRecord], now: datetime
) -> list[ServerRecord]:
    """The servers with the time at which their retirement was first requested."""
    first = [
        Change(server, replace(server, failback=replace(server.failback, retire_requested_at=iso(now))))
        for server in servers
        if server.failback.retire_requested_at is None
    ]
    begun = {server.source_server_id: server for server in store.change_settled(execution_id, first)}
    return [begun.get(server.source_server_id, server) for server in servers]


def retire(retirer: RecoveryRetirer, servers: Sequence[ServerRecord], now: datetime) -> Retirement:
    """Take the steps that are possible now."""
    progress = follow(retirer, servers)
    changes = [Change(s, retired_or_not(s, progress[s.source_server_id], now)) for s in servers]
    retired = [c.before for c in changes if c.after.failback.protection is Protection.RETIRED]
    failed = [
        c.before
        for c in changes
        if c.before not in retired and _gives_up(c.before, progress[c.before.source_server_id], now)
    ]
    return Retirement(
        changes=[change for change in changes if change.values],
        retired=retired,
        failed=failed,
        pending=[server for server in servers if server not in retired and server not in failed],
    )


def follow(retirer: RecoveryRetirer, servers: Sequence[ServerRecord]) -> dict[str, Progress]:
    """Take one step after the other of each server while they follow each other at once."""
    progress: dict[str, Progress] = {}
    active = list(servers)
    for _ in range(STEPS):
        if not active:
            break
        progress |= retirer.poll(active)
        active = [server for server in active if progress[server.source_server_id].acted]
    return progress


def retired_or_not(server: ServerRecord, progress: Progress, now: datetime) -> ServerRecord:
    """The server RETIRED, with the issue that ends its retirement, or unchanged while that may go on."""
    if progress.done:
        return replace(
            server,
            failback=replace(
                server.failback,
                protection=Protection.RETIRED,
                retired_at=iso(now),
                protection_reason=None,
                protection_remedy=None,
            ),
        )
    if not _gives_up(server, progress, now):
        return server
    issue = progress.issue
    found = issue.found if issue else f"it took over {TIMEOUT}."
    return replace(
        server,
        failback=replace(
            server.failback,
            protection_reason=f"The recovery side was not tidied up: {found}",
            protection_remedy=issue.remedy if issue else "Run the failback again: it resumes there.",
        ),
    )


def _gives_up(server: ServerRecord, progress: Progress, now: datetime) -> bool:
    return progress.hopeless or now - parse_time(server.failback.retire_requested_at) > TIMEOUT
