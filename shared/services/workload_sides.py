"""Looks, when an execution ends, where the workloads are of servers that it did not come to record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from aws_lambda_powertools import Logger

from shared.aws.cross_account import BRIEF, MemberAccounts
from shared.aws.drs_client import DrsClient
from shared.aws.errors import AwsCallError
from shared.model.ec2 import Instance
from shared.model.policies import Mode
from shared.model.scope import Scope
from shared.model.server import ServerRecord
from shared.rules.closure.sides import SidesSeen, is_open, moved_at
from shared.services.origin_reader import read_originals

logger = Logger(child=True)


def moved_unrecorded(accounts: MemberAccounts, mode: Mode, servers: Sequence[ServerRecord]) -> dict[str, str]:
    """When each server moved that did so unrecorded, by its id. What does not answer moves nothing."""
    wanted = sorted((server for server in servers if is_open(server, mode)), key=_scope)
    return {
        server.source_server_id: at
        for scope, members in groupby(wanted, key=_scope)
        for server, seen in _seen(accounts, scope, list(members))
        if (at := moved_at(server, mode, seen))
    }


def _scope(server: ServerRecord) -> Scope:
    return server.scope


def _seen(
    accounts: MemberAccounts, scope: Scope, servers: Sequence[ServerRecord]
) -> Iterator[tuple[ServerRecord, SidesSeen]]:
    try:
        listed = DrsClient(accounts, scope, BRIEF).recovery_instances([s.drs_server_id for s in servers])
    except AwsCallError as error:
        logger.warning("launches not readable", extra={"scope": str(scope), "error": str(error)})
        return
    launched = {instance.source_server_id: instance for instance in listed}
    here = read_originals(accounts, scope, [server.pair_instance_id for server in servers])
    there: dict[str, Instance] = {}
    silent = set()
    for other in sorted({s.failback.workload_scope for s in servers if s.failback.workload_scope}):
        ids = [s.failback.workload_instance_id for s in servers if s.failback.workload_scope == other]
        answer = read_originals(accounts, other, ids)
        there |= answer.instances
        silent |= {other} if answer.silence else set()
    for server in servers:
        if server.failback.workload_scope not in silent:
            yield (
                server,
                SidesSeen(
                    launched.get(server.drs_server_id),
                    here.instances.get(server.pair_instance_id or ""),
                    there.get(server.failback.workload_instance_id or ""),
                ),
            )
