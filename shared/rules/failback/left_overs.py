"""What a failback that was ended early left on both sides, for the next failover or drill to retire.

The server runs at the origin and replicates again; DRS still has the reversed server and the recovery
instances of both sides. They block nothing: a failover goes on with them after a minute.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from shared.model.drs import SourceServer
from shared.model.finding import Finding, Severity
from shared.model.pair import PairRecord
from shared.model.policies import Mode
from shared.model.prerequisite_facts import CheckFailure
from shared.model.server import ServerRecord
from shared.model.status import ServerStatus
from shared.times import iso, parse_time

LEFTOVERS_REMAIN = "LEFTOVERS_REMAIN"
WAITS = {Mode.FAILOVER: timedelta(seconds=60), Mode.DRILL: timedelta(minutes=30)}
"""A drill can wait for DRS and EC2, a failover cannot."""


def left_over(server: ServerRecord, pair: PairRecord | None) -> bool:
    """Whether our record names what is left of a server, and this execution has not dealt with it yet."""
    if pair is None or pair.workload_side != "ORIGIN" or pair.original_scope is None:
        return False
    given_up = any(finding.code == LEFTOVERS_REMAIN for finding in server.findings)
    is_waiting = server.status is ServerStatus.READY and server.failback.retired_at is None
    return pair.reversed_server_id is not None and is_waiting and not given_up


def as_failed_back(server: ServerRecord, pair: PairRecord) -> ServerRecord:
    """The server as the failback had it: launched at the origin, its workload on the target before."""
    return replace(
        server,
        scope=pair.original_scope or server.scope,
        pair_instance_id=pair.original_instance_id,
        failback=replace(
            server.failback,
            workload_instance_id=pair.pair_instance_id,
            workload_scope=server.scope,
            reversed_server_id=pair.reversed_server_id,
        ),
    )


def not_protected(pair: PairRecord, protecting: SourceServer | None) -> CheckFailure | None:
    """Why nothing may be retired yet: until the original replicates, what is left has the other copy."""
    if protecting is None:
        return CheckFailure(f"DRS does not list {pair.source_server_id}, which protects it.", _FAIL_BACK)
    if protecting.original_instance_id != pair.original_instance_id:
        return CheckFailure(
            f"{pair.source_server_id} replicates {protecting.original_instance_id}, not "
            f"{pair.original_instance_id}.",
            _FAIL_BACK,
        )
    if protecting.replication_state != "CONTINUOUS":
        return CheckFailure(
            f"The replication of {pair.original_instance_id} is {protecting.replication_state}.", _FAIL_BACK
        )
    return None


def retired(server: ServerRecord, now: datetime) -> ServerRecord:
    """The server with nothing left of its failback."""
    return replace(server, failback=replace(server.failback, retired_at=iso(now)))


def waits(server: ServerRecord, mode: Mode, now: datetime) -> bool:
    """Whether the execution goes on waiting for what is left of the server."""
    since = server.failback.retire_requested_at
    return since is not None and now - parse_time(since) < WAITS[mode]


def remains(server: ServerRecord, pair: PairRecord, issue: CheckFailure | None) -> ServerRecord:
    """The server with the finding that the execution goes on without having tidied up."""
    why = f" {issue.found}" if issue else ""
    finding = Finding(
        LEFTOVERS_REMAIN,
        Severity.WARNING,
        f"A failback that was ended early left the reversed server {pair.reversed_server_id} in "
        f"{pair.original_scope}; it is there still.{why}",
        "Nothing now: this execution goes on without it, and the next failback retires it or uses it.",
    )
    return replace(server, findings=(*server.findings, finding))


_FAIL_BACK = "Run the failback of this plan again: it launches nothing, protects the server and tidies up."
