"""Reads the source servers whose replication is judged, with one call per scope and site."""

from __future__ import annotations

from collections.abc import Sequence

from shared.aws.cross_account import MemberAccounts
from shared.aws.drs_client import DrsClient
from shared.model.drs import SourceServer
from shared.model.server import ServerRecord
from shared.rules.failback.replication_progress import JUDGED
from shared.rules.failback.workloads import by_workload_scope


def reversed_sources(accounts: MemberAccounts, servers: Sequence[ServerRecord]) -> dict[str, SourceServer]:
    """The reversed servers of those whose replication to the origin is judged, by their id."""
    wanted = [server for server in servers if server.failback.reversed_server_id and server.status in JUDGED]
    found: dict[str, SourceServer] = {}
    for scope, site in sorted({(server.scope, server.site) for server in wanted}):
        ids = [server.drs_server_id for server in wanted if (server.scope, server.site) == (scope, site)]
        sources = DrsClient(accounts, scope).source_servers_by_id(ids, site)
        found |= {source.source_server_id: source for source in sources}
    return found


def protecting_sources(accounts: MemberAccounts, servers: Sequence[ServerRecord]) -> dict[str, SourceServer]:
    """The source servers on the recovery side that protect the originals, by their id."""
    found: dict[str, SourceServer] = {}
    for scope, members in by_workload_scope(servers):
        ids = [server.source_server_id for server in members]
        sources = DrsClient(accounts, scope).source_servers_by_id(ids, members[0].site)
        found |= {source.source_server_id: source for source in sources}
    return found
