"""A server that does not fail back keeps its workload on the recovery side; exactly one side of it runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.model.ec2 import Instance
from shared.model.finding import Finding, Severity
from shared.model.server import ServerRecord
from shared.model.status import ServerStatus
from shared.rules.failback.workloads import TIMEOUT, is_stopped
from shared.times import iso, parse_time

RESTARTED = "WORKLOAD_RESTARTED"
NOT_RESTARTED = "WORKLOAD_NOT_RESTARTED"


def is_to_restart(server: ServerRecord) -> bool:
    """Whether the workload was stopped for a cutover that the server did not get through."""
    return (
        server.status is not ServerStatus.RECOVERED
        and server.failback.workload_stop_requested_at is not None
        and server.failback.workload_restarted_at is None
    )


def has_restarted(workload: Instance | None, original: Instance | None) -> bool:
    return workload is not None and workload.state == "running" and is_stopped(original)


def hopeless(
    server: ServerRecord, workload: Instance | None, original: Instance | None, refused: str, now: datetime
) -> str | None:
    """Why the workload will not restart; None while it may. A refusal for want of capacity may pass."""
    if workload is None or workload.state in ("terminated", "shutting-down"):
        return f"{server.failback.workload_instance_id} no longer exists."
    since = server.failback.workload_return_requested_at
    if since is None or now - parse_time(since) <= TIMEOUT:
        return None
    if original is not None and not is_stopped(original):
        found = f"{original.instance_id} is {original.state}; it must be stopped first."
    else:
        found = f"{workload.instance_id} is {workload.state}."
    return f"{found} {refused}".strip()


def restarted(server: ServerRecord, now: datetime) -> ServerRecord:
    finding = Finding(
        code=RESTARTED,
        severity=Severity.WARNING,
        found=f"The workload runs on the recovery side again, on {server.failback.workload_instance_id}.",
        remedy=f"{server.pair_instance_id} is stopped and does not run it. What was written there since the "
        "cutover stays there. Run the failback again when the cause is repaired.",
    )
    return replace(
        server,
        failback=replace(server.failback, workload_restarted_at=iso(now)),
        findings=_with(server, finding),
    )


def not_restarted(server: ServerRecord, workload: Instance | None, why: str) -> ServerRecord:
    hangs = workload is not None and workload.state == "stopping"
    force = (
        f"aws ec2 stop-instances --force --instance-ids {server.failback.workload_instance_id}; "
        if hangs
        else ""
    )
    remedy = (
        f"Neither side may be running. Make sure that {server.pair_instance_id} is stopped, then start the "
        f"workload: {force}aws ec2 start-instances --instance-ids {server.failback.workload_instance_id}"
    )
    finding = Finding(NOT_RESTARTED, Severity.WARNING, f"The workload did not restart: {why}", remedy)
    return replace(server, findings=_with(server, finding), remedy=remedy)


def _with(server: ServerRecord, finding: Finding) -> tuple[Finding, ...]:
    others = tuple(other for other in server.findings if other.code not in (RESTARTED, NOT_RESTARTED))
    return (*others, finding)
