"""On which side a workload is whose execution ended before it recorded that, as EC2 and DRS show it.

An execution that is killed may have started an instance that its records do not show. Only what a
job of that execution launched counts, and only if it runs: an instance that others started has other data.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.model.drs import RecoveryInstance
from shared.model.ec2 import Instance
from shared.model.policies import Mode
from shared.model.server import ServerRecord
from shared.model.status import ServerStatus
from shared.rules.closure.execution import ended_midway
from shared.rules.originals.findings import RUNS


@dataclass(frozen=True, slots=True)
class SidesSeen:
    """``launched``: what DRS lists for the server now; ``here``: the instance that it was launched into;
    ``there``: the one of the other side, None where EC2 does not know it or does not answer."""

    launched: RecoveryInstance | None
    here: Instance | None
    there: Instance | None


def is_open(server: ServerRecord, mode: Mode) -> bool:
    """Whether the records do not say where the workload of a server is at the end of an execution.

    A failover that failed by its checks moved nothing: the workload is looked for where it was.
    """
    if server.job_id is None or server.status is ServerStatus.RECOVERED or mode is Mode.DRILL:
        return False
    return mode is Mode.FAILBACK or ended_midway(server)


def moved_at(server: ServerRecord, mode: Mode, seen: SidesSeen) -> str | None:
    """When the instance was started that the workload moved to; None: it did not move.

    A failback has not moved what runs on both sides: the newest data may be on either.
    """
    launched, here = seen.launched, seen.here
    if launched is None or here is None or here.state not in RUNS:
        return None
    if launched.job_id != server.job_id or launched.ec2_instance_id != here.instance_id:
        return None
    both = seen.there is not None and seen.there.state in RUNS
    return None if both and mode is Mode.FAILBACK else here.launched_at
