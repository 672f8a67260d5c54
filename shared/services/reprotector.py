"""Reverses the replication of failed-back originals towards the recovery side, each exactly once.

ReverseReplication has no client token: the recovery instance at the origin shows whether it was called
already. DRS refuses it (409) until the agent on the original has checked in.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from shared.aws.cross_account import MemberAccounts
from shared.aws.drs_client import DrsClient
from shared.aws.errors import AwsCallError
from shared.aws.rate_limits import in_parallel
from shared.model.drs import RecoveryInstance
from shared.model.prerequisite_facts import CheckFailure
from shared.model.scope import Scope
from shared.model.server import Change, ServerRecord
from shared.rules.drs.drs_error_handler import ErrorKind
from shared.rules.failback.reprotection import is_reversed, not_reprotected, reprotecting

HOPELESS = (ErrorKind.DENIED, ErrorKind.INVALID)


def reprotect(
    accounts: MemberAccounts, scope: Scope, servers: Sequence[ServerRecord], now: datetime
) -> list[Change]:
    """Take the next step for servers at one origin; returns the changes of those that it decided."""
    drs = DrsClient(accounts, scope)
    found = drs.recovery_instances([server.drs_server_id for server in servers])
    instances = {(instance.source_server_id, instance.ec2_instance_id): instance for instance in found}

    def step(server: ServerRecord) -> ServerRecord:
        return _step(drs, server, instances.get((server.drs_server_id, server.pair_instance_id or "")), now)

    after = in_parallel(step, servers, api="ReverseReplication", scope=lambda server: server.scope)
    changes = [Change(server, new) for server, new in zip(servers, after, strict=True)]
    return [change for change in changes if change.values]


def _step(
    drs: DrsClient, server: ServerRecord, instance: RecoveryInstance | None, now: datetime
) -> ServerRecord:
    if instance is None:
        found = f"DRS shows no recovery instance for {server.pair_instance_id} at the origin."
        return not_reprotected(server, CheckFailure(found, ""), now, may_pass=True)
    if is_reversed(instance):
        return reprotecting(server)
    try:
        drs.reverse_replication(instance.recovery_instance_id)
    except AwsCallError as error:
        issue = CheckFailure(str(error), error.explanation.remedy)
        return not_reprotected(server, issue, now, may_pass=error.explanation.kind not in HOPELESS)
    return reprotecting(server)
