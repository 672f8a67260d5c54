"""Whether the other side of a recovered server runs as well, looked at again when the execution ends."""

from __future__ import annotations

from dataclasses import replace

from shared.model.ec2 import Instance
from shared.model.finding import Finding, Severity
from shared.model.policies import Mode
from shared.model.server import ServerRecord
from shared.rules.originals.findings import RUNS

ORIGINAL_RUNS = "ORIGINAL_RUNS"
WORKLOAD_RUNS = "WORKLOAD_RUNS"


def other_side(server: ServerRecord, mode: Mode) -> str | None:
    """The instance that must not run the workload any more: the original, or after a failback the target."""
    if mode is Mode.FAILOVER:
        return None if server.drill.cleaned_up_at else server.original_instance_id
    return server.failback.workload_instance_id if mode is Mode.FAILBACK else None


def with_other_side(server: ServerRecord, other: Instance | None, mode: Mode) -> ServerRecord:
    """The server with the finding that its other side runs, or without it."""
    code = WORKLOAD_RUNS if mode is Mode.FAILBACK else ORIGINAL_RUNS
    kept = tuple(finding for finding in server.findings if finding.code != code)
    if other is None or other.state not in RUNS:
        return replace(server, findings=kept)
    side = "the recovery side" if mode is Mode.FAILBACK else "the origin"
    found = (
        f"{other.instance_id} is {other.state} on {side}, started at {other.launched_at}, and so is "
        f"{server.pair_instance_id}: both sides of {server.name} run."
    )
    remedy = (
        "See that only one of them serves users. If nothing was written to it since, stop it: aws ec2 "
        f"stop-instances --instance-ids {other.instance_id} --region {other.scope.region}"
    )
    return replace(server, findings=(*kept, Finding(code, Severity.WARNING, found, remedy)))
