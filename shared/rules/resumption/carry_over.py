"""What a server takes over from an earlier execution that ended too early: job, launch, settings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from shared.model.drs import Job, LaunchSettings
from shared.model.ec2 import Instance, Volume
from shared.model.finding import Finding, Severity
from shared.model.policies import Mode
from shared.model.prerequisite_facts import ServerFacts
from shared.model.server import ServerRecord
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
"""Findings that do not count for a server whose launch runs or is done."""


@dataclass(frozen=True, slots=True)
class Past:
    """What earlier executions did with a server.

    ``job``: the server is in it, or it launched the server's recovery instance. ``starter``: the execution
    that started that job. ``holder``: the execution that has locked the server.
    """

    job: Job | None
    starter: Earlier | None
    holder: Earlier | None

    @property
    def earlier(self) -> Earlier | None:
        """The execution whose record of the server counts: a holder may have adopted the starter's job."""
        if self.holder and self.holder.is_over and self.holder.server:
            return self.holder
        return self.starter

    @property
    def is_locked(self) -> bool:
        """Whether an execution that still runs has locked the server."""
        return self.holder is not None and not self.holder.is_over


@dataclass(frozen=True, slots=True)
class CarryOver:
    """``server`` with what it takes over; ``finding`` names what is adopted, None if nothing is."""

    server: ServerRecord
    finding: Finding | None = None

    def settle(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """The findings that still count."""
        if self.finding is None:
            return tuple(findings)
        return (*(f for f in findings if f.code not in _ABOUT_LAUNCHING), self.finding)


def carry_over(server: ServerRecord, facts: ServerFacts, past: Past, now: datetime) -> CarryOver:
    """What to record of a server besides its findings."""
    adopted = _adopted(facts, past, now)
    previous, changed = _launch_settings(facts, past.earlier, adopted)
    server = replace(
        server,
        original_private_ip=facts.original.private_ip if facts.original else None,
        volumes_before=_volumes_before(facts, past.earlier, adopted),
        previous_launch=previous,
        launch_changed=changed,
        adoption=None,
        adopted_from=None,
        job_id=None,
    )
    job, starter = past.job, past.starter
    if adopted is None or job is None or starter is None:
        return CarryOver(server)
    server = replace(
        server,
        adoption=adopted,
        adopted_from=starter.execution.execution_id,
        job_id=job.job_id,
        attempts=int(job.tags.get(ATTEMPT_TAG, "1")),
        recovery_instance_id=facts.target.instance_id if adopted is Adoption.LAUNCH else None,
    )
    return CarryOver(server, _finding(adopted, job, starter, facts))


def _adopted(facts: ServerFacts, past: Past, now: datetime) -> Adoption | None:
    starter, earlier = past.starter, past.earlier
    if starter is None or earlier is None or past.is_locked:
        return None
    adopted = adoption(
        job=past.job,
        recovery_instance=facts.recovery_instance,
        pair_instance=facts.target,
        earlier=earlier.server,
        earlier_over=starter.is_over,
        same_plan_and_mode=starter.same_plan_and_mode and earlier.same_plan_and_mode,
        now=now,
    )
    if adopted is Adoption.LAUNCH and _is_half_cleaned_up(earlier, facts.target):
        return None
    return adopted


def _launch_settings(
    facts: ServerFacts, earlier: Earlier | None, adopted: Adoption | None
) -> tuple[LaunchSettings | None, bool]:
    """What an earlier execution left to be put back, and whether the settings of now differ from it.

    Without one it is ConfigureLaunch that records what it finds; what is so now it reads in any case.
    """
    past = earlier.server if earlier and earlier.is_over else None
    if past is None or past.previous_launch is None or not (adopted or past.launch_changed):
        return None, False
    changed = facts.launch is not None and facts.launch != past.previous_launch
    return past.previous_launch, changed and not _stands(earlier)


def _stands(earlier: Earlier | None) -> bool:
    """Whether a failover launched it, and nothing put it back: its settings go with what may run there."""
    if earlier is None or earlier.server is None or earlier.execution.mode is not Mode.FAILOVER:
        return False
    return earlier.server.launched_at is not None and earlier.server.drill.cleaned_up_at is None


def _volumes_before(
    facts: ServerFacts, earlier: Earlier | None, adopted: Adoption | None
) -> tuple[Volume, ...]:
    past = earlier.server if earlier and earlier.is_over else None
    if past is None or earlier is None or not past.volumes_before:
        return facts.target.volumes
    return past.volumes_before if adopted or _is_drill_to_clean_up(earlier) else facts.target.volumes


def _is_drill_to_clean_up(earlier: Earlier) -> bool:
    server = earlier.server
    return earlier.execution.mode is Mode.DRILL and server is not None and server.drill.cleaned_up_at is None


def _is_half_cleaned_up(earlier: Earlier, target: Instance) -> bool:
    """Whether a drill's clean-up has begun to swap the volumes: there is nothing to start any more."""
    if earlier.execution.mode is not Mode.DRILL or earlier.server is None:
        return False
    before = _ids(earlier.server.volumes_before)
    devices = {volume.device for volume in target.volumes}
    missing = {volume.device for volume in earlier.server.volumes_before} - devices
    return earlier.server.drill.cleaned_up_at is not None or bool(missing or before & _ids(target.volumes))


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
