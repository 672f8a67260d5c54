"""What happened between two snapshots, in lines for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from local.cli.watch.replication import Replication, protections
from local.cli.watch.snapshot import Snapshot
from shared.model.status import Protection, ServerStatus, WaveStatus

_TROUBLED = (ServerStatus.FAILED, ServerStatus.BLOCKED, ServerStatus.LAUNCH_FAILED)


def happened(before: Snapshot | None, after: Snapshot) -> list[str]:
    """One line for every change that an operator wants to know of, in the order they make sense in."""
    return [
        *_execution(before, after),
        *_replication(before, after),
        *_jobs(before, after),
        *_servers(before, after),
        *_protection(before, after),
        *_waves(before, after),
    ]


def duration(seconds: float) -> str:
    """``754.2`` as ``12m34s``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m{rest:02}s" if hours else f"{minutes}m{rest:02}s"


def in_words(counts: Counter[ServerStatus] | Counter[Protection]) -> str:
    """``3 launching, 2 recovered``, in the order servers pass through the statuses."""
    known: dict[str, int] = {status.value: number for status, number in counts.items() if number}
    words = [
        f"{known[status.value]} {status.value.lower().replace('_', ' ')}"
        for status in (*ServerStatus, *Protection)
        if status.value in known
    ]
    return ", ".join(words)


def in_bytes(number: float) -> str:
    """``10483000000000`` as ``10.5 TB``."""
    for unit in ("kB", "MB", "GB"):
        number /= 1000
        if number < 999.95:
            return f"{number:.1f} {unit}"
    return f"{number / 1000:.1f} TB"


def progress(snapshot: Snapshot, seen: Replication) -> str:
    """``3.1 TB of 10.5 TB, 61 of 100 servers replicated, about 14m00s left``."""
    line = f"{in_bytes(seen.bytes_replicated)} of {in_bytes(seen.bytes_total)}"
    line += f", {seen.replicated} of {seen.servers} servers replicated"
    if snapshot.seconds_left:  # none, too: the last steps move no bytes
        line += f", about {duration(snapshot.seconds_left)} left"
    return line


def _execution(before: Snapshot | None, after: Snapshot) -> Iterator[str]:
    if after.execution is None:
        return
    if before is None or before.execution is None:
        yield f"execution {after.execution.execution_id} of plan {after.execution.plan_name} has begun"
    elif before.execution.status is not after.execution.status:
        reason = f": {after.execution.reason}" if after.execution.reason else ""
        yield f"execution {after.execution.status.value}{reason}"


def _replication(before: Snapshot | None, after: Snapshot) -> Iterator[str]:
    """A line for every tenth of the bytes, and one for every server that is stalled."""
    seen, earlier = after.replication, before.replication if before else None
    if seen is None:
        return
    if seen.bytes_total and (earlier is None or _tenths(earlier) < _tenths(seen)):
        yield progress(after, seen)
    known = {server.source_server_id for server in earlier.stalled} if earlier else set()
    for server in seen.stalled:
        if server.source_server_id not in known:
            yield f"{server.name} is stalled: {server.reason or 'no reason recorded'}"


def _tenths(seen: Replication) -> int:
    return int(seen.share * 10)


def _protection(before: Snapshot | None, after: Snapshot) -> Iterator[str]:
    known = (
        {server.source_server_id: server.failback.protection for server in before.servers} if before else {}
    )
    for server in after.servers:
        if server.failback.protection is Protection.UNPROTECTED is not known.get(server.source_server_id):
            yield f"{server.name} UNPROTECTED: {server.failback.protection_reason or 'no reason recorded'}"
    counts = protections(after.servers)
    if counts and (before is None or protections(before.servers) != counts):
        yield f"at the origin: {in_words(counts)}"


def _jobs(before: Snapshot | None, after: Snapshot) -> Iterator[str]:
    known = {job.job_id: job.status for job in before.jobs} if before else {}
    for job in after.jobs:
        if job.job_id not in known:
            yield f"job {job.job_id} launches {job.servers} servers of wave {job.wave} in {job.scope}"
        elif job.status == "COMPLETED" != known[job.job_id]:
            yield f"job {job.job_id} of wave {job.wave} has ended"


def _servers(before: Snapshot | None, after: Snapshot) -> Iterator[str]:
    known = {server.source_server_id: server.status for server in before.servers} if before else {}
    for server in after.servers:
        if server.status in _TROUBLED and known.get(server.source_server_id) is not server.status:
            yield f"{server.name} {server.status.value}: {server.reason or 'no reason recorded'}"
    counts = after.counts()
    if counts and (before is None or before.counts() != counts):
        yield in_words(counts)


def _waves(before: Snapshot | None, after: Snapshot) -> Iterator[str]:
    known = {wave.name: wave.status for wave in before.waves} if before else {}
    for wave in after.waves:
        if wave.status is not known.get(wave.name, WaveStatus.PLANNED):
            reason = f": {wave.reason}" if wave.reason else ""
            yield f"wave {wave.name} {wave.status.value}{reason}"
