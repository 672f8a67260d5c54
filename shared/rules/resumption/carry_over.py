"""What a server takes over from an earlier execution that ended too early: its job, its launch, its past."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.model.drs import Job
from shared.model.ec2 import Instance, Volume
from shared.model.finding import Finding, Severity
from shared.model.policies import Mode
from shared.model.prerequisite_facts import ServerFacts
from shared.model.status import Adoption
from shared.rules.drs.drs_job_monitor import ATTEMPT_TAG, COMPLETED
from shared.rules.resumption.adoption import Earlier, adoption

_ABOUT_LAUNCHING = frozenset(
    {
        "REPLICATION_NOT_READY",
        "RECOVERY_POINT_MISSING",
        "REPLICATION_DEGRADED",
        "LAG_TOO_HIGH",
        "LAG_UNKNOWN",
        "SERVER_BUSY",
        "TARGET_IN_USE",
        "WORKLOAD_ON_RECOVERY",
        "TARGET_RUNNING",
        "TARGET_WILL_BE_STOPPED",
        "RECOVERY_INSTANCE_RUNS",
        "RECOVERY_INSTANCE_REPLACED",
        "VOLUMES_MISSING",
        "VOLUME_COUNT_DIFFERS",
        "LAUNCH_SETTINGS_UNREADABLE",
        "LAUNCH_SETTINGS_CHANGE",
        "LAUNCH_INTO_OTHER",
    }
)
"""Findings that say nothing about a server whose launch runs or is done."""


@dataclass(frozen=True, slots=True)
class Inheritance:
    """``values`` of the server's record; ``finding`` says what is adopted, None if nothing is."""

    values: dict[str, Any]
    finding: Finding | None = None

    def settle(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """The findings that still count."""
        if self.finding is None:
            return tuple(findings)
        return (*(f for f in findings if f.code not in _ABOUT_LAUNCHING), self.finding)


def inherit(
    facts: ServerFacts,
    *,
    job: Job | None,
    starter: Earlier | None,
    holder: Earlier | None,
    now: datetime,
) -> Inheritance:
    """What to record of a server besides its findings.

    ``job`` holds the server, or launched its recovery instance; ``starter`` is the execution that started
    it, ``holder`` the one that has the server's lock. The holder knows more: it may have adopted the job.
    """
    dead_holder = holder if holder and holder.is_over and holder.server else None
    earlier = dead_holder or starter
    adopted = None
    if starter and not (holder and not holder.is_over):
        adopted = adoption(
            job=job,
            recovery_instance=facts.recovery_instance,
            pair_instance=facts.target,
            earlier=earlier.server if earlier else None,
            earlier_over=starter.is_over,
            same_plan_and_mode=starter.same_plan_and_mode and (not earlier or earlier.same_plan_and_mode),
            now=now,
        )
    if adopted is Adoption.LAUNCH and earlier and _is_half_cleaned_up(earlier, facts.target):
        adopted = None
    values: dict[str, Any] = {
        "previous_launch": facts.launch,
        "original_private_ip": facts.original.private_ip if facts.original else None,
        "volumes_before": facts.target.volumes,
        "adoption": None,
        "adopted_from": None,
        "job_id": None,
        "launch_changed": False,
    }
    past = earlier.server if earlier and earlier.is_over else None
    if past and past.previous_launch and (adopted or past.launch_changed):
        values |= {
            "previous_launch": past.previous_launch,
            "launch_changed": facts.launch is not None and facts.launch != past.previous_launch,
        }
    if past and earlier and past.volumes_before and (adopted or _is_drill_to_clean_up(earlier)):
        values["volumes_before"] = past.volumes_before
    if adopted is None or job is None or starter is None:
        return Inheritance(values)
    values |= {
        "adoption": adopted,
        "adopted_from": starter.execution.execution_id,
        "job_id": job.job_id,
        "attempts": int(job.tags.get(ATTEMPT_TAG, "1")),
        "recovery_instance_id": facts.target.instance_id if adopted is Adoption.LAUNCH else None,
    }
    return Inheritance(values, _finding(adopted, job, starter, facts))


def _is_drill_to_clean_up(earlier: Earlier) -> bool:
    server = earlier.server
    return earlier.execution.mode is Mode.DRILL and server is not None and server.cleaned_up_at is None


def _is_half_cleaned_up(earlier: Earlier, target: Instance) -> bool:
    """Whether a drill's clean-up has begun to swap the volumes: there is nothing to start any more."""
    if earlier.execution.mode is not Mode.DRILL or earlier.server is None:
        return False
    before = _ids(earlier.server.volumes_before)
    devices = {volume.device for volume in target.volumes}
    missing = {volume.device for volume in earlier.server.volumes_before} - devices
    return earlier.server.cleaned_up_at is not None or bool(missing or before & _ids(target.volumes))


def _ids(volumes: Iterable[Volume]) -> set[str]:
    return {volume.volume_id for volume in volumes if volume.volume_id}


def _finding(adopted: Adoption, job: Job, starter: Earlier, facts: ServerFacts) -> Finding:
    what = (
        f"the DRS job {job.job_id} that runs for it"
        if adopted is Adoption.JOB and job.status != COMPLETED
        else f"its launch into {facts.target.instance_id} (DRS job {job.job_id})"
    )
    return Finding(
        code="ADOPTED",
        severity=Severity.WARNING,
        found=f"The execution {starter.execution.execution_id} is over and left {what}.",
        remedy="Nothing: this execution takes it over and verifies it. The server is not launched again.",
    )
