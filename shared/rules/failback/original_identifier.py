"""Which instance a server came from, and how far its failback is, from records and from AWS.

The record of the failover leads; what DRS and EC2 report now must agree with it. Without a record the hints
of DRS are only shown, and the request has to confirm them. B1 to A3 as in ``shared.rules.failback.identity``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from shared.model.drs import Job, RecoveryInstance
from shared.model.finding import Finding
from shared.rules.drs.drs_job_monitor import COMPLETED, EXECUTION_TAG
from shared.rules.failback.contradictions import contradictions, critical
from shared.rules.failback.identity import NOT_REVERSED, IdentifyFacts, Stage
from shared.times import parse_time


@dataclass(frozen=True, slots=True)
class Identified:
    """``findings`` that are CRITICAL block the server whatever its stage."""

    stage: Stage
    original_instance_id: str | None
    workload_instance_id: str | None
    findings: tuple[Finding, ...] = ()


def identify(facts: IdentifyFacts) -> Identified:
    """The stage of a server with the instances of both sides, and everything that contradicts itself."""
    stage = _stage(facts)
    return Identified(stage, facts.original_id, facts.workload_id, tuple(contradictions(facts, stage)))


def conflicts(identified: Mapping[str, Identified]) -> dict[str, Finding]:
    """The servers (by source server id) that share an instance with another one, each with a finding.

    To be asked over everything that an execution identified, of all its sites: none of the servers that
    share an original instance, or a workload instance, may fail back.
    """
    found: dict[str, Finding] = {}
    for word, of in (("original", _original_of), ("workload", _workload_of)):
        sharing: defaultdict[str, list[str]] = defaultdict(list)
        for server_id, one in identified.items():
            if instance_id := of(one):
                sharing[instance_id].append(server_id)
        for instance_id, server_ids in sharing.items():
            if len(server_ids) > 1:
                finding = critical(
                    f"{word.upper()}_AMBIGUOUS",
                    f"{instance_id} would be the {word} instance of {' and '.join(sorted(server_ids))}.",
                    "Name the right original of each under confirmOriginals in the request, or leave all but "
                    "one out with recoveryInstanceIds.",
                )
                for server_id in server_ids:
                    found.setdefault(server_id, finding)
    return found


def _stage(facts: IdentifyFacts) -> Stage:
    if facts.reversed_left_over:
        return Stage.TO_REVERSE
    at_origin = facts.recorded_at_origin
    instance = _launched(facts)
    protects = instance is not None and instance.replication_state not in (None, NOT_REVERSED)
    if protects and not facts.failed_over_since:
        return Stage.TO_RETIRE
    if facts.reversed_server is None:
        nothing = facts.recovery_instance is None and (facts.pair is None or at_origin)
        return Stage.AT_ORIGIN if nothing else Stage.TO_REVERSE
    if at_origin:
        return Stage.TO_REPROTECT if instance else Stage.TO_RETIRE
    if facts.earlier_job is not None and facts.earlier_job.status != COMPLETED:
        return Stage.LAUNCHING
    if instance is not None and _is_current(facts, instance):
        return Stage.LAUNCHED
    return Stage.REPLICATING


def _launched(facts: IdentifyFacts) -> RecoveryInstance | None:
    """A3, unless it comes from a drill: that was never meant to stay."""
    instance = facts.failback_instance
    return None if instance is None or instance.is_drill else instance


def _is_current(facts: IdentifyFacts, instance: RecoveryInstance) -> bool:
    """Whether nothing can have been written on the recovery side since the launch, as far as we can know."""
    if facts.workload_runs:
        return False
    job, earlier = facts.earlier_job, facts.earlier
    if job is not None and _started_since(facts, job):
        return False
    if earlier is not None and earlier.failback.workload_restarted_at is not None:
        return False
    if job is None or instance.job_id not in (None, job.job_id):
        return facts.earlier_execution is None
    return facts.earlier_execution in (None, job.tags.get(EXECUTION_TAG))


def _started_since(facts: IdentifyFacts, job: Job) -> bool:
    """Whether the workload was started after the job began: it may have run and stopped meanwhile."""
    started = facts.workload.launched_at if facts.workload else None
    return started is not None and parse_time(started) > parse_time(job.created_at)


def _original_of(one: Identified) -> str | None:
    return one.original_instance_id


def _workload_of(one: Identified) -> str | None:
    return one.workload_instance_id
