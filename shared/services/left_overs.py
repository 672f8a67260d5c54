"""Retires what earlier failbacks left of the servers of a failover or drill, before it launches anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from shared.aws.cross_account import BRIEF, STANDARD, MemberAccounts
from shared.aws.errors import AwsCallError
from shared.model.pair import PairRecord
from shared.model.policies import Mode, RecoveryInstanceDisposition
from shared.model.prerequisite_facts import CheckFailure
from shared.model.scope import Scope
from shared.model.server import Change, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.failback.left_overs import (
    as_failed_back,
    left_over,
    not_protected,
    remains,
    retired,
    waits,
)
from shared.services.recovery_retirer import MayEnd, Progress, RecoveryRetirer
from shared.services.replication_reader import protecting_sources
from shared.services.retirement import follow
from shared.store import ExecutionStore, PairStore
from shared.times import iso


@dataclass(frozen=True, slots=True)
class LeftOvers:
    """How many servers still have some, got rid of them, and go on with them."""

    pending: list[ServerRecord]
    retired: int
    remaining: int


def count_left_overs(pairs_table: str, servers: Sequence[ServerRecord]) -> int:
    """How many of the servers have some, by our records."""
    ready = [server for server in servers if server.status is ServerStatus.READY]
    pairs = PairStore(pairs_table).get([server.source_server_id for server in ready])
    return sum(left_over(server, pairs.get(server.source_server_id)) for server in ready)


class LeftOverRetirer:
    """For one failover or drill. The origin may be what is lost: in a failover it is asked with brevity."""

    def __init__(
        self, store: ExecutionStore, accounts: MemberAccounts, execution_id: str, mode: Mode, now: datetime
    ) -> None:
        self._store = store
        self._accounts = accounts
        self._id = execution_id
        self._mode = mode
        self._now = now

    def poll(self, pairs_table: str) -> LeftOvers:
        """Take the steps that are possible now, and give up where the time is over."""
        ready = [s for s in self._store.servers(self._id) if s.status is ServerStatus.READY]
        pairs = PairStore(pairs_table).get([server.source_server_id for server in ready])
        left = [server for server in ready if left_over(server, pairs.get(server.source_server_id))]
        begun = self._begin(left)
        progress = self._progress(begun, pairs)
        changes = [Change(s, self._after(s, pairs, progress[s.source_server_id])) for s in begun]
        self._store.change_servers(self._id, [change for change in changes if change.values])
        done = sum(progress[server.source_server_id].done for server in begun)
        pending = [change.before for change in changes if not change.values]
        return LeftOvers(pending, done, len(begun) - done - len(pending))

    def _begin(self, servers: Sequence[ServerRecord]) -> list[ServerRecord]:
        at = iso(self._now)
        first = [
            Change(server, replace(server, failback=replace(server.failback, retire_requested_at=at)))
            for server in servers
            if server.failback.retire_requested_at is None
        ]
        self._store.change_servers(self._id, first)
        begun = {change.before.source_server_id: change.after for change in first}
        return [begun.get(server.source_server_id, server) for server in servers]

    def _progress(
        self, servers: Sequence[ServerRecord], pairs: Mapping[str, PairRecord]
    ) -> dict[str, Progress]:
        views = [as_failed_back(server, pairs[server.source_server_id]) for server in servers]
        progress: dict[str, Progress] = {}
        for _, members in groupby(sorted(views, key=_scopes), key=_scopes):
            some = list(members)
            try:
                progress |= self._at(some, pairs)
            except AwsCallError as error:
                issue = CheckFailure(str(error), error.explanation.remedy)
                progress |= {s.source_server_id: Progress(issue=issue) for s in some}
        return progress

    def _at(self, views: Sequence[ServerRecord], pairs: Mapping[str, PairRecord]) -> dict[str, Progress]:
        protecting = protecting_sources(self._accounts, views)
        issues = {
            key: issue
            for view in views
            if (issue := not_protected(pairs[key := view.source_server_id], protecting.get(key)))
        }
        may_end = MayEnd(RecoveryInstanceDisposition.RETAIN_STOPPED, (), pairs)
        timeouts = BRIEF if self._mode is Mode.FAILOVER else STANDARD
        retirer = RecoveryRetirer(self._accounts, may_end, self._now, timeouts)
        followed = follow(retirer, [view for view in views if view.source_server_id not in issues])
        return followed | {key: Progress(issue=issue) for key, issue in issues.items()}

    def _after(
        self, server: ServerRecord, pairs: Mapping[str, PairRecord], progress: Progress
    ) -> ServerRecord:
        if progress.done:
            return retired(server, self._now)
        if waits(server, self._mode, self._now) and not progress.hopeless:
            return server
        return remains(server, pairs[server.source_server_id], progress.issue)


def _scopes(view: ServerRecord) -> tuple[Scope, Scope | None]:
    return view.scope, view.failback.workload_scope
