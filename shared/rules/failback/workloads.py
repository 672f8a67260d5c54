"""The two sides of a server in a failback: the instance that runs its workload, and the original."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from shared.model.ec2 import Instance
from shared.model.scope import Scope
from shared.model.server import ServerRecord
from shared.model.status import ServerStatus
from shared.times import parse_time

TIMEOUT = timedelta(minutes=15)
"""How long an instance may take to stop or to start. One that stays stopping has a host in issue and may
need force (EC2 user guide, Troubleshoot Amazon EC2 instance stop issues)."""


def is_stopped(instance: Instance | None) -> bool:
    """Whether an instance is stopped for good; one that does not exist (None) is."""
    return instance is None or instance.state in ("stopped", "terminated")


def by_workload_scope(servers: Iterable[ServerRecord]) -> Iterator[tuple[Scope, list[ServerRecord]]]:
    """The servers whose workload instance is known, by the scope that it runs in."""
    known = [
        (s.failback.workload_scope, s)
        for s in servers
        if s.failback.workload_scope and s.failback.workload_instance_id
    ]
    for scope in sorted({scope for scope, _ in known}):
        yield scope, [server for place, server in known if place == scope]


def whereabouts(server: ServerRecord) -> str:
    """Where the workload of a server is that did not fail back, for its remedy; empty outside a failback."""
    workload = server.failback.workload_instance_id
    if workload is None:
        return ""
    if server.failback.workload_stop_requested_at is None:
        return f"Its workload runs on {workload} as before."
    if server.failback.workload_restarted_at:
        return f"Its workload runs on {workload} again."
    return (
        f"Its workload on {workload} was stopped. To go on, run the failback again; to go back, see that "
        f"{server.pair_instance_id} is stopped, then aws ec2 start-instances --instance-ids {workload}"
    )


def is_to_quiesce(server: ServerRecord) -> bool:
    """Not a server that an earlier execution has launched: its workload was stopped for that."""
    return (
        server.status is ServerStatus.REPLICATED
        and server.failback.quiesced_at is None
        and server.adoption is None
        and server.failback.workload_instance_id is not None
    )


def started_again(server: ServerRecord, workload: Instance | None) -> bool:
    """Whether the workload was started after it had stopped for the cutover, stopped again or not."""
    if workload is None or workload.launched_at is None or server.failback.workload_stopped_at is None:
        return False
    return parse_time(workload.launched_at) >= parse_time(server.failback.workload_stopped_at)


def left_behind(server: ServerRecord, workload: Instance | None) -> ServerRecord | None:
    """The server FAILED where its launch misses what was written since its workload was started again."""
    if workload is None or not started_again(server, workload):
        return None
    return server.failed(
        f"Its workload instance {workload.instance_id} was started again at {workload.launched_at}, after it "
        "was stopped for the cutover: what was written there since is not at the origin.",
        f"{workload.instance_id} has the newest data, and the workload stays there. Find out in CloudTrail "
        "who started it, then run the failback again for this server: it launches anew.",
    )


def other_side_runs(server: ServerRecord, workload: Instance | None) -> ServerRecord | None:
    """The server FAILED where its workload runs on the other side, or did: its original stays stopped."""
    if workload is None or is_stopped(workload):
        return left_behind(server, workload)
    return server.failed(
        f"Its workload instance {workload.instance_id} is {workload.state}: it was started again after it "
        "was stopped. The original was not started.",
        "Find out in CloudTrail who started it, then run the failback again for this server.",
    )
