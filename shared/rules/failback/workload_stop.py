"""The workload of a failback's server stops on the recovery side before its original starts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.model.ec2 import Instance
from shared.model.server import ServerRecord
from shared.model.status import ServerStatus
from shared.rules.failback.workloads import TIMEOUT, is_stopped, left_behind
from shared.times import iso, parse_time


def workload_stopping(server: ServerRecord, instance: Instance | None, now: datetime) -> ServerRecord:
    """The server with its stop requested, seen as done, or FAILED after the time-out."""
    if server.status is ServerStatus.LAUNCHED and (outdated := left_behind(server, instance)):
        return outdated
    requested = server.failback.workload_stop_requested_at
    if is_stopped(instance):
        # An instance that is stopped already was stopped for this cutover, by an execution that was killed
        # in it: should this one fail, its workload has to restart all the same.
        return replace(
            server,
            failback=replace(
                server.failback,
                workload_stop_requested_at=requested or iso(now),
                workload_stopped_at=server.failback.workload_stopped_at or iso(now),
            ),
        )
    if requested is None or server.failback.workload_stopped_at:  # or it was started again meanwhile
        return replace(
            server,
            failback=replace(server.failback, workload_stop_requested_at=iso(now), workload_stopped_at=None),
        )
    if now - parse_time(requested) > TIMEOUT and instance:
        return server.failed(
            f"Its workload on {instance.instance_id} did not stop within {TIMEOUT}: it is {instance.state}.",
            f"aws ec2 stop-instances --force --instance-ids {instance.instance_id}; when it is stopped, run "
            "the failback again for this server.",
        )
    return server
