"""Looks, when an execution ends, whether the other side of what it recovered runs as well."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from shared.aws.cross_account import MemberAccounts
from shared.model.execution import ExecutionRecord
from shared.model.plan import Plan
from shared.model.policies import Mode
from shared.model.scope import Scope
from shared.model.server import Change, ServerRecord
from shared.model.status import ServerStatus
from shared.rules.originals.both_sides import other_side, with_other_side
from shared.services.origin_reader import read_originals
from shared.store import ExecutionStore


def report_other_sides(
    store: ExecutionStore,
    accounts: MemberAccounts,
    record: ExecutionRecord,
    plan: Plan,
    servers: Sequence[ServerRecord],
) -> list[ServerRecord]:
    """``servers``, those that recovered with what is so now. A side that does not answer changes nothing."""
    recovered = [s for s in servers if s.status is ServerStatus.RECOVERED and other_side(s, record.mode)]
    changes = [
        Change(server, after)
        for scope, members in _by_scope(plan, record.mode, recovered)
        for server, after in _looked_at(accounts, scope, members, record.mode)
        if after != server
    ]
    done = {s.source_server_id: s for s in store.change_settled(record.execution_id, changes)}
    return [done.get(server.source_server_id, server) for server in servers]


def _by_scope(
    plan: Plan, mode: Mode, servers: Sequence[ServerRecord]
) -> Iterator[tuple[Scope, list[ServerRecord]]]:
    sites = {site.name: site for site in plan.sites}

    def scope(server: ServerRecord) -> Scope:
        site = sites[server.site]
        return site.recovery if mode is Mode.FAILBACK else site.origin

    for place, members in groupby(sorted(servers, key=scope), key=scope):
        yield place, list(members)


def _looked_at(
    accounts: MemberAccounts, scope: Scope, servers: Sequence[ServerRecord], mode: Mode
) -> Iterator[tuple[ServerRecord, ServerRecord]]:
    seen = read_originals(accounts, scope, [other_side(server, mode) for server in servers])
    for server in servers:
        other = seen.instances.get(other_side(server, mode) or "")
        if other is not None or seen.silence is None:
            yield server, with_other_side(server, other, mode)
