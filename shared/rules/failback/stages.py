"""What a failback records of a server for the stage that it was found in, and the stage of a record.

A failback that was killed is started again: servers that are reversed, launched or at the origin already pass
through the workflow with what was done for them, and nothing is done twice.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from shared.model.finding import Finding, Severity
from shared.model.server import FailbackProgress, ServerRecord
from shared.model.status import Adoption, Protection, ServerStatus
from shared.rules.drs.drs_job_monitor import ATTEMPT_TAG, EXECUTION_TAG
from shared.rules.failback.identity import IdentifyFacts, Stage
from shared.rules.resumption.adoption import adoption
from shared.times import iso

_FAILED_BACK = {
    Protection.RETIRED: Stage.AT_ORIGIN,
    Protection.RETURNING: Stage.TO_REPROTECT,
    Protection.RESCANNING: Stage.TO_RETIRE,
    Protection.PROTECTED: Stage.TO_RETIRE,
}
_ADOPTED = {Adoption.JOB: Stage.LAUNCHING, Adoption.LAUNCH: Stage.LAUNCHED}


def staged(
    server: ServerRecord,
    facts: IdentifyFacts,
    stage: Stage,
    *,
    earlier_over: bool,
    same_plan: bool,
    now: datetime,
) -> ServerRecord:
    """The server with what was done for it already, as its stage shows.

    ``earlier_over`` and ``same_plan`` are about the execution that started ``facts.earlier_job``. A launch
    that cannot be taken over is made again: then the server counts as replicating.
    """
    server = replace(server, failback=_reversed(_left_stopped(server.failback, facts), facts))
    if stage in (Stage.LAUNCHING, Stage.LAUNCHED):
        return _adopted(server, facts, earlier_over, same_plan, now)
    if stage is Stage.AT_ORIGIN:
        return replace(server, failback=replace(server.failback, protection=Protection.RETIRED))
    if stage is Stage.TO_REPROTECT:
        return _protecting(server, Protection.RETURNING, now)
    if stage is Stage.TO_RETIRE:
        # Without a recovery instance at the origin an earlier execution was in the middle of tidying up.
        done = facts.failback_instance is None
        return _protecting(server, Protection.PROTECTED if done else Protection.RESCANNING, now)
    return server


def _reversed(back: FailbackProgress, facts: IdentifyFacts) -> FailbackProgress:
    known = facts.reversed_server
    if known is None or facts.reversed_left_over:
        return back
    return replace(back, reversed_server_id=known.source_server_id, replication_state=known.replication_state)


def _protecting(server: ServerRecord, protection: Protection, now: datetime) -> ServerRecord:
    back = replace(server.failback, protection=protection, reprotect_requested_at=iso(now))
    return replace(server, failback=back)


def stage_of(record: ServerRecord) -> Stage:
    """The stage that ``staged`` recorded."""
    if record.failback.protection is not None:
        return _FAILED_BACK.get(record.failback.protection, Stage.TO_RETIRE)
    if record.adoption is not None:
        return _ADOPTED[record.adoption]
    return Stage.REPLICATING if record.failback.reversed_server_id else Stage.TO_REVERSE


def _left_stopped(back: FailbackProgress, facts: IdentifyFacts) -> FailbackProgress:
    """When an earlier failback stopped the workload for its cutover, was ended, and no side runs it now.

    Not where the original may have run it since: what it wrote then is nowhere else.
    """
    earlier, workload = facts.earlier, facts.workload
    if earlier is None or workload is None or workload.state not in ("stopping", "stopped"):
        return back
    if earlier.status is ServerStatus.RECOVERED or earlier.failback.workload_restarted_at is not None:
        return back
    original = facts.original
    if facts.failback_instance and original and original.state not in ("stopping", "stopped"):
        return back
    return _stopped_by(back, earlier.failback)


def _stopped_by(back: FailbackProgress, earlier: FailbackProgress) -> FailbackProgress:
    return replace(
        back,
        workload_stop_requested_at=earlier.workload_stop_requested_at,
        workload_stopped_at=earlier.workload_stopped_at,
    )


def _adopted(
    server: ServerRecord, facts: IdentifyFacts, earlier_over: bool, same_plan: bool, now: datetime
) -> ServerRecord:
    job, earlier = facts.earlier_job, facts.earlier
    if facts.original is None or job is None:
        return server
    adopted = adoption(
        job=job,
        recovery_instance=facts.failback_instance,
        pair_instance=facts.original,
        earlier=earlier,
        earlier_over=earlier_over,
        same_plan_and_mode=same_plan,
        now=now,
    )
    if adopted is None or earlier is None:
        return server
    is_launched = adopted is Adoption.LAUNCH and facts.failback_instance is not None
    starter = job.tags.get(EXECUTION_TAG)
    back = replace(
        _stopped_by(server.failback, earlier.failback),
        reverse_requested_at=earlier.failback.reverse_requested_at,
        replicated_at=earlier.failback.replicated_at,
    )
    return replace(
        server,
        adoption=adopted,
        adopted_from=starter,
        job_id=job.job_id,
        attempts=int(job.tags.get(ATTEMPT_TAG, "1")),
        recovery_instance_id=facts.original.instance_id if is_launched else None,
        previous_launch=earlier.previous_launch,
        launch_changed=earlier.launch_changed,
        volumes_before=earlier.volumes_before or facts.original.volumes,
        findings=(*server.findings, _taken_over(adopted, facts, job.job_id, str(starter))),
        failback=back,
    )


def _taken_over(adopted: Adoption, facts: IdentifyFacts, job_id: str, execution_id: str) -> Finding:
    original = facts.original.instance_id if facts.original else ""
    what = f"the DRS job {job_id}" if adopted is Adoption.JOB else f"its launch into {original} ({job_id})"
    return Finding(
        code="ADOPTED",
        severity=Severity.WARNING,
        found=f"The execution {execution_id} is over and left {what}.",
        remedy="Nothing: this execution takes it over and verifies it. The server is not launched again.",
    )
