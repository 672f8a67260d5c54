"""What an execution that ended too early has done for a server already, and what of it still holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.model.drs import Job, RecoveryInstance
from shared.model.ec2 import Instance
from shared.model.execution import ExecutionRecord
from shared.model.server import ServerRecord
from shared.model.status import Adoption, ServerStatus
from shared.rules.drs.drs_job_monitor import COMPLETED

STAYS_FRESH = timedelta(hours=24)
"""How long a launched instance that was not started may be adopted: later its data are too old."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """What an earlier execution has recorded of one server. ``server`` is None if it does not know it."""

    execution: ExecutionRecord
    server: ServerRecord | None
    is_over: bool
    same_plan_and_mode: bool


def adoption(
    *,
    job: Job | None,
    recovery_instance: RecoveryInstance | None,
    pair_instance: Instance,
    earlier: ServerRecord | None,
    earlier_over: bool,
    same_plan_and_mode: bool,
    now: datetime,
) -> Adoption | None:
    """Whether to take up the DRS job of an earlier execution, or the launch it made; None: launch anew.

    ``job``: the newest LAUNCH job with our tags that holds the server; ``earlier``: the server's record in
    the execution that the job's tag names; ``earlier_over``: that execution does not run any more;
    ``recovery_instance``: what DRS lists for the server now.

    Never adopts anything of a running execution, of another plan or of another mode, nor a launch that was
    undone since (a drill cleaned up, a workload returned to the recovery side).
    """
    if job is None or job.type != "LAUNCH" or not earlier_over or not same_plan_and_mode:
        return None
    if earlier is None or earlier.drill.cleaned_up_at or earlier.failback.workload_restarted_at:
        return None
    if job.status != COMPLETED:
        return Adoption.JOB
    if recovery_instance is None or recovery_instance.job_id != job.job_id:
        return None
    if recovery_instance.ec2_instance_id != pair_instance.instance_id:
        return None
    runs = pair_instance.state in ("pending", "running")
    if runs:
        return Adoption.LAUNCH
    if earlier.status is ServerStatus.RECOVERED:
        return None  # it ran and was stopped by others: no launch to be finished
    return Adoption.LAUNCH if now - datetime.fromisoformat(job.created_at) <= STAYS_FRESH else None
